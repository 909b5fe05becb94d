const BLOCK_BYTES = 4 * 1024 * 1024;

const base64Lines = (bytes: Buffer) => bytes.toString('base64').replaceAll(/.{76}/g, '$&\r\n');

/** A mail that fits no queue message: a long body, and an attachment that is stored in three blocks. */
export function largeMail(seed: number): Buffer {
  const boundary = 'part-of-a-large-mail';
  const id = `large-${seed}-${Date.now()}`;
  const attachment = Buffer.alloc(2 * BLOCK_BYTES + 1_000 * (seed + 1), `${id} `);
  return Buffer.from(
    [
      'From: Sender <sender@sender.example>',
      'To: someone@local.example',
      `Subject: ${id}`,
      `Message-ID: <${id}@sender.example>`,
      'MIME-Version: 1.0',
      `Content-Type: multipart/mixed; boundary="${boundary}"`,
      '',
      `--${boundary}`,
      'Content-Type: text/plain; charset=utf-8',
      '',
      'A line of a long body.\r\n'.repeat(15_000),
      `--${boundary}`,
      'Content-Type: application/octet-stream; name="data.bin"',
      'Content-Disposition: attachment; filename="data.bin"',
      'Content-Transfer-Encoding: base64',
      '',
      base64Lines(attachment),
      `--${boundary}--`,
      '',
    ].join('\r\n'),
  );
}
