// Text in the charsets that business mail still uses, as bytes produced elsewhere: no charset library takes part in
// making the corpus, so none can be wrong about it twice.

/** A text and its bytes in one charset. */
export interface CharsetSample {
  readonly charset: string;
  readonly text: string;
  readonly bytes: Buffer;
}

const rows: readonly (readonly [charset: string, text: string, hex: string])[] = [
  ['iso-8859-1', 'Façade für Frau Müller - nein', '4661e76164652066fc722046726175204dfc6c6c6572202d206e65696e'],
  ['iso-8859-2', 'Příliš žluťoučký kůň', '50f8ed6c69b920be6c75bb6f75e86bfd206bf9f2'],
  ['iso-8859-5', 'Договор и счёт', 'b4ded3ded2dee020d820e1e7f1e2'],
  ['iso-8859-7', 'Προσφορά τιμών', 'd0f1eff3f6eff1dc20f4e9ecfeed'],
  ['iso-8859-9', 'Şirket İzmir ğüş', 'de69726b657420dd7a6d697220f0fcfe'],
  ['iso-8859-15', 'Œuvre à 5 €', 'bc7576726520e0203520a4'],
  ['windows-1250', 'Zażółć gęślą jaźń', '5a61bff3b3e62067ea9c6cb9206a619ff1'],
  ['windows-1251', 'Ответ на запрос', 'cef2e2e5f220ede020e7e0eff0eef1'],
  ['windows-1252', '“Smart” – 5 €…', '93536d6172749420962035208085'],
  ['windows-1253', 'Καλημέρα σας', 'cae1ebe7ecddf1e120f3e1f2'],
  ['windows-1255', 'הצעת מחיר', 'e4f6f2fa20eee7e9f8'],
  ['windows-1256', 'عرض أسعار', 'dad1d620c3d3dac7d1'],
  ['windows-1257', 'Sąskaita faktūra', '53e0736b616974612066616b74fb7261'],
  ['koi8-r', 'Счёт за ноябрь', 'f3dea3d420dac120cecfd1c2d2d8'],
  ['koi8-u', 'Рахунок їжа', 'f2c1c8d5cecfcb20a7d6c1'],
  ['iso-2022-jp', '見積書の件について', '1b2442382b40513d71244e376f244b2444242424461b2842'],
  ['shift_jis', '見積書ソ表能', '8ca990cf8f91835c955c945c'],
  ['euc-jp', 'お見積りの件', 'a4aab8abc0d1a4eaa4ceb7ef'],
  ['gb2312', '询价单', 'd1afbcdbb5a5'],
  ['gbk', '報價單与询价', '88f3837286ced3ebd1afbcdb'],
  ['gb18030', '询价单㐀𠀀', 'd1afbcdbb5a58139ee3995328236'],
  ['big5', '報價單功許', 'b3f8bbf9b3e6a55cb35c'],
  ['euc-kr', '견적 요청', 'b0dfc0fb20bfe4c3bb'],
  ['utf-8', '見積 €5 😀 ağ', 'e8a68be7a98d20e282ac3520f09f98802061c49f'],
];

/** Every sample. */
export const charsetSamples: readonly CharsetSample[] = rows.map(([charset, text, hex]) => ({
  charset,
  text,
  bytes: Buffer.from(hex, 'hex'),
}));

/** The sample of one charset. */
export function charsetSample(charset: string): CharsetSample {
  const found = charsetSamples.find((sample) => sample.charset === charset);
  if (found === undefined) throw new Error(`There is no sample text in ${charset}: add one to charset-samples.ts.`);
  return found;
}

/** An RFC 2047 encoded word in base64. */
export function wordB(charset: string, bytes: Buffer): string {
  return `=?${charset}?B?${bytes.toString('base64')}?=`;
}

/** An RFC 2047 encoded word in Q, everything but letters and digits escaped. */
export function wordQ(charset: string, bytes: Buffer): string {
  const text = [...bytes].map((byte) => {
    const character = String.fromCharCode(byte);
    if (byte === 0x20) return '_';
    return /[A-Za-z0-9]/u.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return `=?${charset}?Q?${text.join('')}?=`;
}

/** Percent encoding of RFC 2231. */
export function percent(bytes: Buffer): string {
  return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}
