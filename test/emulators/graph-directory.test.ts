import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { amara, readError, readList, sales, startFixture, type GraphFixture, anyText } from './graph-fixture.ts';

const group = '5f0d8a8e-2a43-4a0e-93d4-0b8a0c2f6e4f';
const inner = '6f0d8a8e-2a43-4a0e-93d4-0b8a0c2f6e4f';
const device = '7f0d8a8e-2a43-4a0e-93d4-0b8a0c2f6e4f';

let fixture: GraphFixture;

beforeAll(async () => {
  fixture = await startFixture({
    groups: [
      { id: group, members: [amara.id, inner, device] },
      { id: inner, members: [sales.id] },
    ],
  });
});
afterAll(() => fixture.emulator.close());
beforeEach(() => {
  fixture.emulator.reset();
});

test('gives a user by object id or address in any letter case, with the default properties or the selected ones', async () => {
  const byId: unknown = await fixture.client.api(`/users/${amara.id}`).get();
  expect(byId).toMatchObject({
    id: amara.id,
    mail: amara.address,
    userPrincipalName: amara.address,
    displayName: 'Amara Okafor',
  });
  expect(byId).not.toHaveProperty('accountEnabled');
  const selected = await fixture.call('GET', `/users/${amara.address.toUpperCase()}?$select=id,mail,accountEnabled`);
  expect(selected.body).toEqual({
    '@odata.context': anyText(),
    id: amara.id,
    mail: amara.address,
    accountEnabled: true,
  });
  expect((await fixture.call('GET', `/users/AAD-UPN:${amara.address}`)).body).toMatchObject({ id: amara.id });
});

test('answers 404 Request_ResourceNotFound for users and groups that do not exist', async () => {
  for (const path of ['/users/nobody@contoso.example', `/groups/${amara.id}`, `/groups/${amara.id}/members`]) {
    const answer = await fixture.call('GET', path);
    expect([answer.status, readError(answer).code], path).toEqual([404, 'Request_ResourceNotFound']);
  }
});

test('lists users in pages and finds them by address', async () => {
  const first = readList(await fixture.call('GET', '/users?$top=1&$select=id'));
  const rest = readList(await fixture.call('GET', first['@odata.nextLink'] ?? ''));
  expect([...first.value, ...rest.value]).toEqual([{ id: amara.id }, { id: sales.id }]);
  expect(rest['@odata.nextLink']).toBeUndefined();
  const found = await fixture.call('GET', `/users?$filter=mail eq '${sales.address}' or userPrincipalName eq 'x'`);
  expect(readList(found).value).toMatchObject([{ id: sales.id }]);
});

test('lists direct members of every type in pages, users only by the cast, and members of members', async () => {
  const path = `/groups/${group}/members`;
  expect(readList(await fixture.call('GET', `${path}?$select=id,mail`)).value).toEqual([
    { '@odata.type': '#microsoft.graph.user', id: amara.id, mail: amara.address },
    { '@odata.type': '#microsoft.graph.group', id: inner },
    { '@odata.type': '#microsoft.graph.device', id: device },
  ]);
  expect(readList(await fixture.call('GET', `${path}/microsoft.graph.user`)).value).toHaveLength(1);
  fixture.emulator.control.setKnobs({ directoryPageSize: 2 });
  const first = readList(await fixture.call('GET', path));
  expect(first.value).toHaveLength(2);
  expect(readList(await fixture.call('GET', first['@odata.nextLink'] ?? '')).value).toHaveLength(1);
  const all = readList(await fixture.call('GET', `/groups/${group}/transitiveMembers/microsoft.graph.user`));
  expect(all.value.map((member) => member.id)).toEqual([amara.id, sales.id]);
});
