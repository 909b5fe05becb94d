/** Which path is what: every route of the emulator, and the kind that it counts as. */
import { getAttachment, getAttachmentValue, listAttachments } from './attachment-routes.ts';
import type { RequestKind } from './counters.ts';
import { getDelta } from './delta-routes.ts';
import { getGroup, getUser, listMembers, listTransitiveMembers, listUsers } from './directory-routes.ts';
import { createFolder, getFolder, listChildFolders, listFolders } from './folder-routes.ts';
import { badRequest, GraphFailure } from './graph-failure.ts';
import type { RouteHandler } from './graph-state.ts';
import { listMessages } from './message-list.ts';
import {
  copyMessage,
  createDraft,
  createInFolder,
  deleteMessage,
  getMessage,
  getMime,
  moveMessage,
  updateMessage,
} from './message-routes.ts';
import { sendDraft, sendMail } from './send-mail.ts';
import {
  createSubscription,
  deleteSubscription,
  getSubscription,
  listSubscriptions,
  reauthorizeSubscription,
  updateSubscription,
} from './subscription-routes.ts';
import { translateIds } from './translate-ids.ts';

export type Route = {
  method: string;
  /** Segments; `:name` takes any one. */
  pattern: readonly string[];
  kind: RequestKind;
  handler: RouteHandler;
};

export type FoundRoute = { route: Route; params: Record<string, string> };

const route = (method: string, path: string, kind: RequestKind, handler: RouteHandler): Route => ({
  method,
  pattern: path.split('/'),
  kind,
  handler,
});

/** The routes of a message, which may be named with or without its folder. */
function messageRoutes(place: string): Route[] {
  const one = `${place}/:message`;
  return [
    route('GET', place, 'messageList', listMessages),
    route('GET', one, 'message', getMessage),
    route('PATCH', one, 'messageWrite', updateMessage),
    route('DELETE', one, 'messageWrite', deleteMessage),
    route('POST', `${one}/permanentDelete`, 'messageWrite', deleteMessage),
    route('GET', `${one}/$value`, 'mime', getMime),
    route('POST', `${one}/move`, 'messageWrite', moveMessage),
    route('POST', `${one}/copy`, 'messageWrite', copyMessage),
    route('POST', `${one}/send`, 'sendMail', sendDraft),
    route('GET', `${one}/attachments`, 'attachment', listAttachments),
    route('GET', `${one}/attachments/:attachment`, 'attachment', getAttachment),
    route('GET', `${one}/attachments/:attachment/$value`, 'attachment', getAttachmentValue),
  ];
}

const routes: readonly Route[] = [
  route('GET', 'users/:user/mailFolders/:folder/messages/delta', 'delta', getDelta),
  route('GET', 'users/:user/mailFolders/:folder/messages/microsoft.graph.delta', 'delta', getDelta),
  ...messageRoutes('users/:user/messages'),
  ...messageRoutes('users/:user/mailFolders/:folder/messages'),
  route('POST', 'users/:user/messages', 'messageWrite', createDraft),
  route('POST', 'users/:user/mailFolders/:folder/messages', 'messageWrite', createInFolder),
  route('POST', 'users/:user/sendMail', 'sendMail', sendMail),
  route('POST', 'users/:user/translateExchangeIds', 'other', translateIds),
  route('GET', 'users/:user/mailFolders', 'folder', listFolders),
  route('POST', 'users/:user/mailFolders', 'folder', createFolder),
  route('GET', 'users/:user/mailFolders/:folder', 'folder', getFolder),
  route('GET', 'users/:user/mailFolders/:folder/childFolders', 'folder', listChildFolders),
  route('POST', 'users/:user/mailFolders/:folder/childFolders', 'folder', createFolder),
  route('GET', 'users', 'userList', listUsers),
  route('GET', 'users/:user', 'user', getUser),
  route('GET', 'groups/:group', 'group', getGroup),
  route('GET', 'groups/:group/members', 'group', listMembers),
  route('GET', 'groups/:group/members/microsoft.graph.user', 'group', listMembers),
  route('GET', 'groups/:group/transitiveMembers', 'group', listTransitiveMembers),
  route('GET', 'groups/:group/transitiveMembers/microsoft.graph.user', 'group', listTransitiveMembers),
  route('POST', 'subscriptions', 'subscriptionCreate', createSubscription),
  route('GET', 'subscriptions', 'subscriptionList', listSubscriptions),
  route('GET', 'subscriptions/:subscription', 'subscriptionGet', getSubscription),
  route('PATCH', 'subscriptions/:subscription', 'subscriptionRenew', updateSubscription),
  route('DELETE', 'subscriptions/:subscription', 'subscriptionDelete', deleteSubscription),
  route('POST', 'subscriptions/:subscription/reauthorize', 'subscriptionReauthorize', reauthorizeSubscription),
];

const byLength = Map.groupBy(routes, (each) => each.pattern.length);

function readParams(pattern: readonly string[], segments: readonly string[]): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = segment;
    else if (part.toLowerCase() !== segment.toLowerCase()) return null;
  }
  return params;
}

/** The route of a request; literal segments match in any letter case. */
export function findRoute(method: string, segments: readonly string[]): FoundRoute | undefined {
  for (const each of byLength.get(segments.length) ?? []) {
    const params = each.method === method ? readParams(each.pattern, segments) : null;
    if (params !== null) return { route: each, params };
  }
  return undefined;
}

/** Whether a route is one of a mailbox, which Exchange throttles by mailbox. */
export function mailboxUserOf({ route: found, params }: FoundRoute): string | undefined {
  return found.pattern.length > 2 && found.pattern[0] === 'users' ? params['user'] : undefined;
}

/** The refusal for a path that is no route. */
export function noRouteFailure(method: string, segments: readonly string[]): GraphFailure {
  if (segments[0]?.toLowerCase() === 'me')
    return badRequest('/me request is only valid with delegated authentication flow.');
  const known = ['GET', 'POST', 'PATCH', 'DELETE'].some((other) => findRoute(other, segments) !== undefined);
  if (known) return new GraphFailure(405, 'MethodNotAllowed', `The method ${method} is not allowed here.`);
  return badRequest(`Resource not found for the segment '${segments.at(-1) ?? ''}': the emulator has no such path.`);
}
