/** `GET /users/{id}/mailFolders/{folder}/messages/delta`: options on the first call, opaque links after it. */
import { type DeltaChain, decodeChain, encodeChain, walkStart } from './delta-chain.ts';
import { type DeltaItem, readDeltaPage } from './delta-page.ts';
import { badRequest, GraphFailure } from './graph-failure.ts';
import type { GraphReply, GraphRequest } from './graph-exchange.ts';
import { type GraphState, mailboxOf } from './graph-state.ts';
import type { MailFolder } from './mail-folder.ts';
import { appliedHeaders, folderOf } from './message-list.ts';
import { readAttachmentsExpand, readCount, readFilter, readMessageSelect } from './message-query.ts';
import { idOf, showMessage, type ViewOptions } from './message-view.ts';
import { type Preferences, readPreferences } from './prefer-header.ts';
import { shuffled } from './random.ts';

const firstCallOptions: ReadonlySet<string> = new Set([
  '$select',
  '$expand',
  '$filter',
  '$orderby',
  '$top',
  'changetype',
]);

export function getDelta(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  if (!state.knobs.deltaAvailable) throw badRequest("Resource not found for the segment 'delta'.");
  const folder = folderOf(mailbox, request);
  const token = request.query.get('$skiptoken') ?? request.query.get('$deltatoken');
  const fresh = token === undefined || token === '';
  const place = `${request.root}/users('${user.id}')/mailFolders('${encodeURIComponent(folder.id)}')/messages/delta`;
  const chain = fresh ? openChain(state, request, folder, user.id) : decodeChain(token);
  if (chain.mailbox !== user.id || chain.folder !== folder.id) throw badRequest('The token belongs to another folder.');
  checkAge(state, folder, chain, place);
  const preferences = readPreferences(request.headers['prefer']);
  const { items, next } = nextPage(state, folder, chain, preferences);
  next.issuedAt = state.clock.now();
  const view: ViewOptions = {
    immutableIds: preferences.immutableIds,
    bodyType: preferences.bodyType,
    select: readMessageSelect(chain.select ?? undefined),
    attachments: readAttachmentsExpand(chain.expand ?? undefined),
  };
  const link = next.kind === 'skip' ? '@odata.nextLink' : '@odata.deltaLink';
  const tokenName = next.kind === 'skip' ? '$skiptoken' : '$deltatoken';
  return {
    status: 200,
    headers: appliedHeaders(preferences),
    body: {
      '@odata.context': `${request.root}/$metadata#Collection(message)`,
      [link]: `${place}?${tokenName}=${encodeChain(next)}`,
      value: items.map((item) => showItem(state, item, view)),
    },
  };
}

function openChain(state: GraphState, request: GraphRequest, folder: MailFolder, mailbox: string): DeltaChain {
  for (const name of request.query.keys()) {
    const refused = state.knobs.deltaRefusedOptions.some((option) => option === name);
    if (refused || (name.startsWith('$') && !firstCallOptions.has(name) && !name.endsWith('token'))) {
      throw badRequest(`The query option ${name} is not supported for delta of messages.`);
    }
  }
  const option = (name: string): string | null => request.query.get(name) ?? null;
  const ordering = option('$orderby');
  if (ordering !== null && !/^\s*receivedDateTime\s+desc\s*$/i.test(ordering)) {
    throw badRequest('Delta of messages can be ordered by receivedDateTime desc only.');
  }
  const filter = option('$filter');
  for (const { property, comparison } of readFilter(filter ?? undefined)) {
    if (property !== 'receiveddatetime' || (comparison !== 'ge' && comparison !== 'gt')) {
      throw badRequest('Delta of messages can be filtered by receivedDateTime ge or gt only.');
    }
  }
  readMessageSelect(option('$select') ?? undefined);
  readAttachmentsExpand(option('$expand') ?? undefined);
  const start = folder.log.firstAfter(state.clock.now() - state.knobs.deltaLagMs);
  return {
    epoch: state.epoch,
    mailbox,
    folder: folder.id,
    generation: folder.deltaGeneration,
    issuedAt: state.clock.now(),
    kind: 'skip',
    select: option('$select'),
    expand: option('$expand'),
    filter,
    changeTypes: readChangeTypes(option('changetype')),
    pageSize: readCount('$top', request.query.get('$top'), { min: 1, max: 1000 }),
    walk: walkStart,
    round: start,
    position: start,
    shown: 0,
    paused: false,
  };
}

function readChangeTypes(text: string | null): DeltaChain['changeTypes'] {
  if (text === null) return null;
  const known = (['created', 'updated', 'deleted'] as const).filter((type) =>
    text.toLowerCase().split(',').includes(type),
  );
  if (known.length !== text.split(',').length)
    throw badRequest(`changeType=${text} is not valid: created, updated or deleted.`);
  return known;
}

/** Old tokens are evicted from an internal cache: 410 with a Location that starts anew (graph/delta-query-overview). */
function checkAge(state: GraphState, folder: MailFolder, chain: DeltaChain, place: string): void {
  const lifetime = state.knobs.deltaTokenLifetimeMs;
  const tooOld = lifetime !== null && state.clock.now() - chain.issuedAt > lifetime;
  if (chain.epoch === state.epoch && chain.generation === folder.deltaGeneration && !tooOld) return;
  const code = state.knobs.deltaGoneCode;
  const message =
    code === 'resyncRequired'
      ? 'Resync required.'
      : `The sync state generation is not found; generation=${chain.generation};[highest=${folder.deltaGeneration}].`;
  throw new GraphFailure(410, code, message, { headers: { Location: `${place}?$deltatoken=` } });
}

function nextPage(
  state: GraphState,
  folder: MailFolder,
  chain: DeltaChain,
  preferences: Preferences,
): { items: DeltaItem[]; next: DeltaChain } {
  if (!chain.paused && state.random() < state.knobs.deltaEmptyPageShare) {
    return { items: [], next: { ...chain, kind: 'skip', paused: true } };
  }
  const page = readDeltaPage({
    folder,
    chain,
    filter: readFilter(chain.filter ?? undefined),
    size: preferences.maxPageSize ?? chain.pageSize ?? state.knobs.deltaPageSize,
    visibleUntil: state.clock.now() - state.knobs.deltaLagMs,
    cap: state.knobs.deltaFilterCap,
  });
  // The same item may appear more than once and in any order (graph/delta-query-overview, replays).
  const repeated = page.items.filter(() => state.random() < state.knobs.deltaReplayShare);
  if (repeated.length === 0) return page;
  return { items: shuffled([...page.items, ...repeated], state.random), next: page.next };
}

const alwaysShown: readonly string[] = ['lastmodifieddatetime', 'changekey'];

function showItem(state: GraphState, item: DeltaItem, view: ViewOptions): Record<string, unknown> {
  const type = { '@odata.type': '#microsoft.graph.message' };
  if (item.kind === 'removed') {
    const id = view.immutableIds ? item.message.immutableId : item.restId;
    return { ...type, id, '@removed': { reason: item.reason } };
  }
  const omitted = new Set(state.knobs.deltaOmittedProperties);
  if (item.kind === 'updated' && state.knobs.deltaPartialUpdates) {
    const changed = item.changed.map((name) => (name === 'flagStatus' ? 'flag' : name.toLowerCase()));
    const select = [...changed, ...alwaysShown].filter((name) => view.select?.has(name) ?? true);
    return { ...type, ...showMessage(item.message, { ...view, select: new Set(select), attachments: null }, omitted) };
  }
  return { ...type, ...showMessage(item.message, view, omitted), id: idOf(item.message, view) };
}
