/** `translateExchangeIds`: default ids into immutable ones and back. */
import * as z from 'zod';
import { badRequest } from './graph-failure.ts';
import type { GraphReply, GraphRequest } from './graph-exchange.ts';
import { type GraphState, mailboxOf } from './graph-state.ts';
import { readJson } from './request-body.ts';

const input = z.looseObject({ inputIds: z.array(z.string()), sourceIdType: z.string(), targetIdType: z.string() });

export function translateIds(state: GraphState, request: GraphRequest): GraphReply {
  const { mailbox } = mailboxOf(state, request);
  const { inputIds, targetIdType } = readJson(request.body, input, 'translation');
  if (inputIds.length > 1_000) throw badRequest('At most 1000 ids can be translated at once.');
  const wanted = targetIdType.toLowerCase();
  if (wanted !== 'restid' && wanted !== 'restimmutableentryid') {
    throw badRequest(
      `targetIdType '${targetIdType}' is not supported by this emulator: restId or restImmutableEntryId.`,
    );
  }
  const value = inputIds.flatMap((sourceId) => {
    const message = mailbox.find(sourceId);
    if (message === undefined) return [];
    return [{ sourceId, targetId: wanted === 'restid' ? message.restId : message.immutableId }];
  });
  return { status: 200, body: { '@odata.context': `${request.root}/$metadata#Collection(convertIdResult)`, value } };
}
