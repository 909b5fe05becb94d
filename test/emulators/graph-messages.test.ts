import { ResponseType } from '@microsoft/microsoft-graph-client';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import {
  amara,
  immutable,
  readError,
  readList,
  sales,
  startFixture,
  type GraphFixture,
  like,
  including,
} from './graph-fixture.ts';

let fixture: GraphFixture;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.emulator.close());
beforeEach(() => {
  fixture.emulator.reset();
});

const shown = z.looseObject({ id: z.string(), subject: z.string().nullable() });
const messages = `/users/${amara.id}/messages`;
const ask = (path: string, prefer?: string): ReturnType<GraphFixture['call']> =>
  fixture.call('GET', path, prefer === undefined ? {} : { prefer });

test('shows a message with the properties and forms of the documented sample', async () => {
  const { id } = fixture.deliver({ receivedAt: new Date('2026-11-21T09:12:05.678Z') });
  const answer = await ask(`${messages}/${id}`);
  expect(answer.body).toMatchObject({
    '@odata.context': like(/\$metadata#users\('[0-9a-f-]+'\)\/messages\/\$entity$/),
    '@odata.etag': like(/^W\/"CQAAABYAAAB[A-Za-z0-9+/]{25}"$/),
    id,
    receivedDateTime: '2026-11-21T09:12:05Z',
    sentDateTime: '2026-11-21T09:12:01Z',
    hasAttachments: false,
    internetMessageId: '<mail-1@northwind.example>',
    subject: 'Quote request',
    bodyPreview: 'This is mail 1.',
    importance: 'normal',
    isRead: false,
    isDraft: false,
    body: { contentType: 'text', content: 'This is mail 1.\r\n' },
    from: { emailAddress: { name: 'Tomas Lindqvist', address: 'tomas@northwind.example' } },
    toRecipients: [{ emailAddress: { name: 'Amara Okafor', address: amara.address } }],
    ccRecipients: [],
    flag: { flagStatus: 'notFlagged' },
  });
  expect(answer.headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/);
});

test('returns internetMessageHeaders and uniqueBody only when they are selected', async () => {
  const { id } = fixture.deliver();
  const plain = (await ask(`${messages}/${id}`)).body;
  expect(plain).not.toHaveProperty('internetMessageHeaders');
  expect(plain).not.toHaveProperty('uniqueBody');
  const selected = (await ask(`${messages}/${id}?$select=internetMessageHeaders,uniqueBody`)).body;
  expect(selected).toMatchObject({
    uniqueBody: { contentType: 'text', content: 'This is mail 1.' },
    internetMessageHeaders: including({ name: 'Message-ID', value: '<mail-1@northwind.example>' }),
  });
  expect(selected).not.toHaveProperty('subject');
});

test('answers the SDK of Graph, which writes options by its own rules', async () => {
  const { id } = fixture.deliver({ subject: 'Für Größe & more' });
  const message: unknown = await fixture.client.api(`${messages}/${id}`).select(['id', 'subject', 'from']).get();
  expect(message).toMatchObject({ id, subject: 'Für Größe & more' });
  const list: unknown = await fixture.client.api(messages).top(1).orderby('receivedDateTime desc').get();
  expect(list).toMatchObject({ value: [{ id }] });
});

test('applies several preferences of one Prefer header and says which', async () => {
  const raw =
    'From: a@b.example\r\nSubject: x\r\nContent-Type: text/html\r\n\r\n<p>Hello &amp; welcome</p><img src="cid:1@b">';
  const { id, immutableId } = fixture.deliver({ raw });
  const prefer = 'outlook.body-content-type="text", IdType="ImmutableId", something.unknown=1';
  const answer = await ask(`${messages}/${id}?$select=body`, prefer);
  expect(answer.body).toMatchObject({
    id: immutableId,
    body: { contentType: 'text', content: 'Hello & welcome\r\n\r\n[cid:1@b]' },
  });
  expect(answer.headers.get('preference-applied')).toBe('outlook.body-content-type="text", IdType="ImmutableId"');
});

test('a move changes the default id, keeps the immutable one, and the old id is gone', async () => {
  const { id, immutableId } = fixture.deliver();
  const moved = await fixture.call('POST', `${messages}/${id}/move`, { body: { destinationId: 'archive' } });
  expect(moved.status).toBe(201);
  const newId = shown.parse(moved.body).id;
  expect(newId).not.toBe(id);
  const old = await ask(`${messages}/${id}`);
  expect(old.status).toBe(404);
  expect(readError(old)).toMatchObject({
    code: 'ErrorItemNotFound',
    message: 'The specified object was not found in the store.',
  });
  expect((await ask(`${messages}/${newId}`, immutable)).body).toMatchObject({ id: immutableId });
  expect((await ask(`${messages}/${immutableId}`, immutable)).status).toBe(200);
});

test('ids are case-sensitive: two mails whose ids differ only in case are two mails', async () => {
  const first = fixture.deliver({ subject: 'first' });
  const second = fixture.deliver({ subject: 'second' });
  expect(first.immutableId).not.toBe(second.immutableId);
  expect(first.immutableId.toLowerCase()).toBe(second.immutableId.toLowerCase());
  expect(first.immutableId.length).toBeGreaterThan(130);
  expect((await ask(`${messages}/${second.immutableId}`)).body).toMatchObject({ subject: 'second' });
});

test('finds folders by id and by well-known name, in both path forms and any letter case', async () => {
  const { id } = fixture.deliver();
  const folderId = shown.parse({
    subject: null,
    ...z.looseObject({ id: z.string() }).parse((await ask(`/users/${amara.id}/mailFolders/inbox`)).body),
  }).id;
  const forms = [
    'mailFolders/inbox',
    "mailFolders('inbox')",
    'MAILFOLDERS/Inbox',
    "mailfolders('INBOX')",
    `mailFolders/${folderId}`,
    `mailFolders('${encodeURIComponent(folderId)}')`,
  ];
  for (const form of forms) {
    const list = readList(await ask(`/USERS/${amara.address.toUpperCase()}/${form}/Messages?$select=id`));
    expect(list.value.map((item) => item.id)).toEqual([id]);
  }
  expect((await ask(`/users('${amara.id}')/messages('${id}')`)).status).toBe(200);
});

test('lists folders, creates child folders, and refuses a name that is taken', async () => {
  const created = await fixture.call('POST', `/users/${amara.id}/mailFolders/inbox/childFolders`, {
    body: { displayName: 'Orders' },
  });
  expect(created.status).toBe(201);
  const children = readList(await ask(`/users/${amara.id}/mailFolders/inbox/childFolders`));
  expect(children.value).toMatchObject([{ displayName: 'Orders', totalItemCount: 0 }]);
  const again = await fixture.call('POST', `/users/${amara.id}/mailFolders/inbox/childFolders`, {
    body: { displayName: 'orders' },
  });
  expect([again.status, readError(again).code]).toEqual([409, 'ErrorFolderExists']);
  const top = readList(await ask(`/users/${amara.id}/mailFolders?$top=100&$select=displayName`));
  expect(top.value.map((folder) => folder['displayName'])).toContain('Sent Items');
});

test('pages lists by ten, by $top and by the preference, with links that carry the options', async () => {
  for (let index = 0; index < 12; index += 1) fixture.deliver({ subject: `mail ${index}` });
  const first = readList(await ask(messages));
  expect(first.value).toHaveLength(10);
  const rest = readList(await ask(first['@odata.nextLink'] ?? ''));
  expect(rest.value.map((item) => item.subject)).toEqual(['mail 1', 'mail 0']);
  expect(rest['@odata.nextLink']).toBeUndefined();
  expect(readList(await ask(`${messages}?$top=3&$select=subject`)).value).toHaveLength(3);
  const preferred = readList(await ask(`${messages}?$select=subject`, 'odata.maxpagesize=5'));
  expect(preferred.value).toHaveLength(5);
  expect(decodeURIComponent(preferred['@odata.nextLink'] ?? '')).toContain('$select=subject');
  expect((await ask(`${messages}?$top=1001`)).status).toBe(400);
});

test('filters by moments and flags and orders both ways, as the gap listing asks', async () => {
  const at = (second: number): Date => new Date(Date.UTC(2026, 10, 21, 9, 0, second));
  for (let index = 0; index < 6; index += 1) fixture.deliver({ subject: `mail ${index}`, receivedAt: at(index) });
  const subjects = async (options: string): Promise<unknown[]> =>
    readList(await ask(`${messages}?${options}`)).value.map((item) => item.subject);
  expect(
    await subjects(
      '$filter=receivedDateTime ge 2026-11-21T09:00:02Z and receivedDateTime lt 2026-11-21T09:00:05Z&$orderby=receivedDateTime asc',
    ),
  ).toEqual(['mail 2', 'mail 3', 'mail 4']);
  expect(await subjects('$filter=receivedDateTime gt 2026-11-21T09:00:03Z&$orderby=receivedDateTime desc')).toEqual([
    'mail 5',
    'mail 4',
  ]);
  const third = readList(await ask(`${messages}?$filter=subject eq 'mail 3'`)).value[0]?.id ?? '';
  await fixture.call('PATCH', `${messages}/${third}`, {
    body: { isRead: true, categories: ['seen'], flag: { flagStatus: 'flagged' } },
  });
  expect(await subjects('$filter=isRead eq true and isDraft eq false')).toEqual(['mail 3']);
  expect((await subjects('$orderby=lastModifiedDateTime desc'))[0]).toBe('mail 3');
  expect((await ask(`${messages}/${third}`)).body).toMatchObject({
    isRead: true,
    categories: ['seen'],
    flag: { flagStatus: 'flagged' },
  });
});

test('compares finer than it shows: gt a shown second finds a mail of that second again', async () => {
  fixture.deliver({ receivedAt: new Date('2026-11-21T09:00:05.300Z') });
  const found = readList(await ask(`${messages}?$filter=receivedDateTime gt 2026-11-21T09:00:05Z`));
  expect(found.value).toMatchObject([{ receivedDateTime: '2026-11-21T09:00:05Z' }]);
});

test('refuses filter and order that do not fit with InefficientFilter', async () => {
  const refused = await ask(`${messages}?$filter=isDraft eq false&$orderby=receivedDateTime asc`);
  expect([refused.status, readError(refused).code]).toEqual([400, 'InefficientFilter']);
  const fits = await ask(
    `${messages}?$filter=receivedDateTime ge 2020-01-01T00:00:00Z and isDraft eq false&$orderby=receivedDateTime asc`,
  );
  expect(fits.status).toBe(200);
});

test('refuses what it does not know instead of ignoring it', async () => {
  const { id } = fixture.deliver();
  for (const path of [
    `${messages}?$search="x"`,
    `${messages}/${id}?$select=nonsense`,
    `${messages}?$filter=nonsense eq 1`,
    `${messages}?$expand=extensions`,
    '/me/messages',
  ]) {
    expect((await ask(path)).status, path).toBe(400);
  }
  expect((await fixture.call('PUT', `${messages}/${id}`)).status).toBe(405);
  expect((await fixture.call('DELETE', `/users/${amara.id}/mailFolders/inbox`)).status).toBe(405);
  expect((await fixture.call('GET', `${fixture.emulator.url}/beta/users`)).status).toBe(400);
});

test('errors carry code, message and innerError with date and both request ids; replies echo client-request-id', async () => {
  const answer = await fixture.call('GET', `${messages}/AAMkAGone=`, { headers: { 'client-request-id': 'my-own-id' } });
  const { innerError } = readError(answer);
  expect(innerError).toEqual({
    date: like(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
    'request-id': answer.headers.get('request-id'),
    'client-request-id': 'my-own-id',
  });
  expect(answer.headers.get('client-request-id')).toBe('my-own-id');
});

const mixed = [
  'From: a@b.example',
  'Subject: files',
  'Content-Type: multipart/mixed; boundary=m',
  '',
  '--m',
  'Content-Type: multipart/related; boundary=r',
  '',
  '--r',
  'Content-Type: text/html',
  '',
  '<p>See <img src="cid:logo@b"></p>',
  '--r',
  'Content-Type: image/png; name=logo.png',
  'Content-ID: <logo@b>',
  'Content-Disposition: inline',
  'Content-Transfer-Encoding: base64',
  '',
  'iVBORw0KGgo=',
  '--r--',
  '--m',
  'Content-Type: message/rfc822',
  '',
  'From: x@y.example',
  'Subject: Earlier order',
  '',
  'inner text',
  '--m--',
  '',
].join('\r\n');

test('lists attachments with bytes unless the selection leaves them out; inline ones do not make hasAttachments', async () => {
  const { id } = fixture.deliver({ raw: mixed });
  const list = readList(await ask(`${messages}/${id}/attachments`));
  expect(list.value).toMatchObject([
    {
      '@odata.type': '#microsoft.graph.fileAttachment',
      name: 'logo.png',
      contentType: 'image/png',
      size: 8,
      isInline: true,
      contentId: 'logo@b',
      contentBytes: 'iVBORw0KGgo=',
    },
    { '@odata.type': '#microsoft.graph.itemAttachment', name: 'Earlier order', isInline: false },
  ]);
  const slim = readList(await ask(`${messages}/${id}/attachments?$select=id,name,size`));
  expect(slim.value[0]).not.toHaveProperty('contentBytes');
  const onlyInline = mixed.replace(/--m\r\nContent-Type: message[\s\S]*?inner text\r\n/, '');
  const other = fixture.deliver({ raw: onlyInline });
  expect((await ask(`${messages}/${other.id}?$select=hasAttachments`)).body).toMatchObject({ hasAttachments: false });
  expect((await ask(`${messages}/${id}?$select=hasAttachments`)).body).toMatchObject({ hasAttachments: true });
});

test('selects what only file attachments have by a cast, and refuses it without one', async () => {
  const { id } = fixture.deliver({ raw: mixed });
  const cast = '$select=id,name,microsoft.graph.fileAttachment/contentId';
  const { value } = readList(await ask(`${messages}/${id}/attachments?${cast}`));
  expect(value[0]).toMatchObject({ name: 'logo.png', contentId: 'logo@b' });
  expect(value[0]).not.toHaveProperty('contentBytes');
  const expanded = readList(await ask(`${messages}?$select=id&$expand=attachments(${cast})`));
  expect(expanded.value[0]).toMatchObject({ attachments: [{ contentId: 'logo@b' }, { name: 'Earlier order' }] });
  for (const path of [
    `${messages}/${id}/attachments?$select=contentId`,
    `${messages}?$expand=attachments($select=id,contentId)`,
  ]) {
    const refused = await ask(path);
    expect([refused.status, readError(refused)]).toMatchObject([
      400,
      { code: 'RequestBroker--ParseUri', message: like(/on type 'microsoft\.graph\.attachment'\.$/) },
    ]);
  }
});

test('gives one attachment, its bytes, and the message inside an item attachment', async () => {
  const { id } = fixture.deliver({ raw: mixed });
  const [logo, item] = readList(await ask(`${messages}/${id}/attachments?$select=id`)).value;
  const bytes: unknown = await fixture.client
    .api(`${messages}/${id}/attachments/${logo?.id}/$value`)
    .responseType(ResponseType.ARRAYBUFFER)
    .get();
  expect(Buffer.from(z.instanceof(ArrayBuffer).parse(bytes)).toString('base64')).toBe('iVBORw0KGgo=');
  const mime = await ask(`${messages}/${id}/attachments/${item?.id}/$value`);
  expect(mime.text).toBe('From: x@y.example\r\nSubject: Earlier order\r\n\r\ninner text');
  const expanded = await ask(`${messages}/${id}/attachments/${item?.id}?$expand=microsoft.graph.itemattachment/item`);
  expect(expanded.body).toMatchObject({ item: { subject: 'Earlier order', body: { content: 'inner text' } } });
});

test('answers 405 for the bytes of a reference attachment', async () => {
  const body = {
    subject: 'link',
    attachments: [{ '@odata.type': '#microsoft.graph.referenceAttachment', name: 'Price list', size: 412 }],
  };
  const { id } = shown.parse(
    (await fixture.call('POST', `/users/${amara.id}/mailFolders/inbox/messages`, { body })).body,
  );
  const [reference] = readList(await ask(`${messages}/${id}/attachments`)).value;
  expect(reference).toMatchObject({ name: 'Price list', size: 412 });
  expect((await ask(`${messages}/${id}/attachments/${reference?.id}/$value`)).status).toBe(405);
});

test('$value gives back the exact bytes of a mail that came as MIME', async () => {
  const raw = `${mixed}\0\x01 trailing \n\n`;
  const { id } = fixture.deliver({ raw });
  const bytes: unknown = await fixture.client
    .api(`${messages}/${id}/$value`)
    .responseType(ResponseType.ARRAYBUFFER)
    .get();
  expect(Buffer.from(z.instanceof(ArrayBuffer).parse(bytes)).equals(Buffer.from(raw))).toBe(true);
});

test('$value composes MIME for a mail that came as JSON', async () => {
  const body = {
    subject: 'Größe',
    body: { contentType: 'HTML', content: '<p>hi</p>' },
    from: { emailAddress: { name: 'Tomas', address: 'tomas@northwind.example' } },
    toRecipients: [{ emailAddress: { address: amara.address } }],
    internetMessageId: '<json-1@northwind.example>',
    internetMessageHeaders: [{ name: 'x-crm-thread', value: 'case-20418' }],
    attachments: [
      {
        '@odata.type': '#microsoft.graph.fileAttachment',
        name: 'a.txt',
        contentType: 'text/plain',
        contentBytes: 'aGVsbG8=',
      },
    ],
  };
  const { id } = shown.parse(
    (await fixture.call('POST', `/users/${amara.id}/mailFolders/inbox/messages`, { body })).body,
  );
  const { text } = await ask(`${messages}/${id}/$value`);
  expect(text).toContain('Message-ID: <json-1@northwind.example>');
  expect(text).toContain('filename=a.txt');
  const again = fixture.deliver({ raw: text });
  expect(
    (await ask(`${messages}/${again.id}?$expand=attachments&$select=subject,from,internetMessageHeaders`)).body,
  ).toMatchObject({
    subject: 'Größe',
    from: { emailAddress: { name: 'Tomas', address: 'tomas@northwind.example' } },
    attachments: [{ name: 'a.txt', contentBytes: 'aGVsbG8=' }],
    internetMessageHeaders: including({ name: 'X-Crm-Thread', value: 'case-20418' }),
  });
});

test('takes a message posted into a folder as delivered, as JSON or as base64 MIME, unless it says isDraft', async () => {
  const inbox = `/users/${amara.id}/mailFolders/inbox/messages`;
  const json = await fixture.call('POST', inbox, {
    body: { subject: 'json', receivedDateTime: '2026-11-01T08:00:00Z' },
  });
  expect(json.body).toMatchObject({ isDraft: false, receivedDateTime: '2026-11-01T08:00:00Z' });
  const mime = Buffer.from('From: a@b.example\r\nSubject: mime\r\n\r\nx').toString('base64');
  const fromMime = await fixture.call('POST', inbox, { body: mime, headers: { 'Content-Type': 'text/plain' } });
  expect(fromMime.body).toMatchObject({ isDraft: false, subject: 'mime' });
  const draft = await fixture.call('POST', inbox, { body: { subject: 'draft', isDraft: true } });
  expect(draft.body).toMatchObject({ isDraft: true });
  expect((await fixture.call('POST', `/users/${amara.id}/messages`, { body: { subject: 'new' } })).body).toMatchObject({
    isDraft: true,
  });
  expect(
    (await fixture.call('POST', inbox, { body: 'not base64!', headers: { 'Content-Type': 'text/plain' } })).status,
  ).toBe(400);
  expect((await fixture.call('POST', inbox, { body: { subject: 5 } })).status).toBe(400);
});

test('sendMail delivers to local recipients once, keeps a copy in Sent Items, and shows nobody the hidden ones', async () => {
  const to = [sales.address, 'outside@elsewhere.example'].map((address) => ({ emailAddress: { address } }));
  const message = {
    subject: 'Offer',
    toRecipients: to,
    ccRecipients: [to[0]],
    bccRecipients: [{ emailAddress: { address: amara.address } }],
  };
  const sent: unknown = await fixture.client.api(`/users/${amara.id}/sendMail`).post({ message });
  expect(sent).toBeDefined();
  const received = readList(await ask(`/users/${sales.id}/mailFolders/inbox/messages`)).value;
  expect(received).toMatchObject([
    { subject: 'Offer', bccRecipients: [], from: { emailAddress: { address: amara.address } } },
  ]);
  expect(readList(await ask(`/users/${amara.id}/mailFolders/inbox/messages`)).value).toHaveLength(1);
  const kept = readList(await ask(`/users/${amara.id}/mailFolders/sentitems/messages`)).value;
  expect(kept).toMatchObject([
    { subject: 'Offer', isRead: true, internetMessageId: received[0]?.['internetMessageId'] },
  ]);
  await fixture.call('POST', `/users/${amara.id}/sendMail`, { body: { message, saveToSentItems: false } });
  expect(readList(await ask(`/users/${amara.id}/mailFolders/sentitems/messages`)).value).toHaveLength(1);
});

test('a draft that is sent keeps its immutable id on the way to Sent Items', async () => {
  const body = { subject: 'Draft', toRecipients: [{ emailAddress: { address: sales.address } }] };
  const { id } = shown.parse((await fixture.call('POST', messages, { body, prefer: immutable })).body);
  expect((await fixture.call('POST', `${messages}/${id}/send`)).status).toBe(202);
  expect((await ask(`/users/${amara.id}/mailFolders/sentitems/messages/${id}`, immutable)).body).toMatchObject({
    id,
    isDraft: false,
  });
  expect(readList(await ask(`/users/${sales.id}/mailFolders/inbox/messages`)).value).toHaveLength(1);
});

test('copies and deletes messages, and translates ids', async () => {
  const { id, immutableId } = fixture.deliver();
  const copied = shown.parse(
    (await fixture.call('POST', `${messages}/${id}/copy`, { body: { destinationId: 'archive' }, prefer: immutable }))
      .body,
  );
  expect(copied.id).not.toBe(immutableId);
  const translation = { inputIds: [id], sourceIdType: 'restId', targetIdType: 'restImmutableEntryId' };
  const translated = await fixture.call('POST', `/users/${amara.id}/translateExchangeIds`, { body: translation });
  expect(translated.body).toMatchObject({ value: [{ sourceId: id, targetId: immutableId }] });
  expect((await fixture.call('DELETE', `${messages}/${id}`)).status).toBe(204);
  expect((await ask(`${messages}/${immutableId}`)).status).toBe(404);
});

test('replies, forwards and followers of a thread share the conversation of the first mail', async () => {
  const mail = (id: string, more: string): { id: string } =>
    fixture.deliver({ raw: `From: a@b.example\r\nMessage-ID: <${id}@b>\r\n${more}Subject: s\r\n\r\nx` });
  const ids = [
    mail('1', ''),
    mail('2', 'In-Reply-To: <1@b>\r\n'),
    mail('3', 'References: <1@b> <2@b>\r\n'),
    mail('4', 'In-Reply-To: <2@b>\r\n'),
    mail('5', ''),
  ];
  const conversations = await Promise.all(
    ids.map(
      async ({ id }) =>
        z.object({ conversationId: z.string() }).parse((await ask(`${messages}/${id}?$select=conversationId`)).body)
          .conversationId,
    ),
  );
  expect(new Set(conversations.slice(0, 4)).size).toBe(1);
  expect(conversations[4]).not.toBe(conversations[0]);
});

test('a mailbox may be closed to the app, or have no REST API, or not exist', async () => {
  const { control } = fixture.emulator;
  const refusal = async (): Promise<[number, string]> => {
    const answer = await ask(messages);
    return [answer.status, readError(answer).code];
  };
  control.setMailboxState(amara.id, 'accessDenied');
  expect(await refusal()).toEqual([403, 'ErrorAccessDenied']);
  control.setMailboxState(amara.id, 'accessDeniedByPolicy');
  expect(readError(await ask(messages)).message).toBe('Access to OData is disabled.');
  control.setMailboxState(amara.id, 'notEnabled');
  expect(await refusal()).toEqual([404, 'MailboxNotEnabledForRESTAPI']);
  control.setMailboxState(amara.id, 'active');
  expect((await ask(messages)).status).toBe(200);
  control.removeUser(amara.id);
  expect(await refusal()).toEqual([404, 'ErrorInvalidUser']);
});
