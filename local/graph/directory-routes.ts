/** Users, groups and their members. */
import type { GraphUser } from './directory.ts';
import { badRequest, resourceNotFound } from './graph-failure.ts';
import type { GraphReply, GraphRequest } from './graph-exchange.ts';
import type { GraphState } from './graph-state.ts';
import { readCount, readSelect } from './message-query.ts';
import { readPreferences } from './prefer-header.ts';

type Shown = Record<string, unknown>;

function userProperties(user: GraphUser): Shown {
  const displayName = user.displayName ?? user.address.split('@')[0] ?? user.address;
  return {
    businessPhones: [],
    displayName,
    givenName: null,
    jobTitle: null,
    mail: user.address,
    mobilePhone: null,
    officeLocation: null,
    preferredLanguage: null,
    surname: null,
    userPrincipalName: user.address,
    id: user.id,
  };
}

/** Properties that come only when they are selected. */
const selectable = (user: GraphUser): Shown => ({
  accountEnabled: true,
  userType: 'Member',
  proxyAddresses: [`SMTP:${user.address}`],
  mailNickname: user.address.split('@')[0],
});

function showUser(user: GraphUser, select: ReadonlySet<string> | null): Shown {
  if (select === null) return userProperties(user);
  const all = Object.entries({ ...userProperties(user), ...selectable(user) });
  return Object.fromEntries(all.filter(([name]) => select.has(name.toLowerCase())));
}

/** Cuts one page out of a list and adds the link to the next. */
function page(state: GraphState, request: GraphRequest, all: readonly Shown[]): Shown {
  const asked = readCount('$top', request.query.get('$top'), { min: 1, max: 999 });
  const size = asked ?? readPreferences(request.headers['prefer']).maxPageSize ?? state.knobs.directoryPageSize;
  const start = readSkipToken(request.query.get('$skiptoken'));
  const answer: Shown = {};
  if (start + size < all.length) {
    const options = new URLSearchParams();
    for (const [name, value] of request.query) if (name !== '$skiptoken') options.set(name, value);
    options.set('$skiptoken', Buffer.from(`m~${start + size}`).toString('base64url'));
    answer['@odata.nextLink'] = `${request.root}${request.path}?${options.toString().replaceAll('%24', '$')}`;
  }
  return { ...answer, value: all.slice(start, start + size) };
}

function readSkipToken(token: string | undefined): number {
  if (token === undefined) return 0;
  const start = /^m~(\d+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  if (start === undefined) throw badRequest('The $skiptoken is not one that this emulator gave out.');
  return Number(start);
}

export function getUser(state: GraphState, request: GraphRequest): GraphReply {
  const name = request.params['user'] ?? '';
  const user = state.directory.findUser(name);
  if (user === undefined) throw resourceNotFound(name);
  const shown = showUser(user, readSelect(request.query.get('$select')));
  return { status: 200, body: { '@odata.context': `${request.root}/$metadata#users/$entity`, ...shown } };
}

export function listUsers(state: GraphState, request: GraphRequest): GraphReply {
  const select = readSelect(request.query.get('$select'));
  const users = state.directory.users.filter(userFilter(request.query.get('$filter')));
  const body = page(
    state,
    request,
    users.map((user) => showUser(user, select)),
  );
  return { status: 200, body: { '@odata.context': `${request.root}/$metadata#users`, ...body } };
}

/** `eq` comparisons on the ids and addresses of users, joined by `or`. */
function userFilter(text: string | undefined): (user: GraphUser) => boolean {
  if (text === undefined) return () => true;
  const tests = text.split(/\s+or\s+/i).map((part) => {
    const match = /^\s*\(?\s*(id|mail|userPrincipalName)\s+eq\s+'((?:[^']|'')*)'\s*\)?\s*$/i.exec(part);
    if (match?.[1] === undefined || match[2] === undefined) {
      throw badRequest(
        `$filter=${text} is not supported by this emulator: id, mail or userPrincipalName eq '…', joined by or.`,
      );
    }
    const [name, value] = [match[1].toLowerCase(), match[2].replaceAll("''", "'").toLowerCase()];
    return (user: GraphUser) => (name === 'id' ? user.id : user.address).toLowerCase() === value;
  });
  return (user) => tests.some((test) => test(user));
}

export function getGroup(state: GraphState, request: GraphRequest): GraphReply {
  const id = request.params['group'] ?? '';
  const group = state.directory.findGroup(id);
  if (group === undefined) throw resourceNotFound(id);
  const body = {
    '@odata.context': `${request.root}/$metadata#groups/$entity`,
    id: group.id,
    displayName: `Group ${group.id}`,
  };
  return { status: 200, body };
}

/** Members of a group: users, nested groups, and objects that are neither (shown as devices). */
export function listMembers(state: GraphState, request: GraphRequest): GraphReply {
  const members = membersOf(state, request.params['group'] ?? '');
  return replyWithMembers(state, request, members);
}

/** Members of a group and of the groups in it. */
export function listTransitiveMembers(state: GraphState, request: GraphRequest): GraphReply {
  const found = new Set(membersOf(state, request.params['group'] ?? ''));
  for (const id of found) for (const inner of state.directory.findGroup(id)?.members ?? []) found.add(inner);
  return replyWithMembers(state, request, [...found]);
}

function membersOf(state: GraphState, id: string): string[] {
  const group = state.directory.findGroup(id);
  if (group === undefined) throw resourceNotFound(id);
  return group.members;
}

function replyWithMembers(state: GraphState, request: GraphRequest, members: readonly string[]): GraphReply {
  const select = readSelect(request.query.get('$select'));
  const onlyUsers = request.segments.at(-1)?.toLowerCase() === 'microsoft.graph.user';
  const shown: Shown[] = [];
  for (const member of members) {
    const user = state.directory.findUser(member);
    if (user !== undefined) shown.push({ '@odata.type': '#microsoft.graph.user', ...showUser(user, select) });
    else if (!onlyUsers) {
      const type = state.directory.findGroup(member) === undefined ? 'device' : 'group';
      shown.push({ '@odata.type': `#microsoft.graph.${type}`, id: member });
    }
  }
  const body = page(state, request, shown);
  return { status: 200, body: { '@odata.context': `${request.root}/$metadata#directoryObjects`, ...body } };
}
