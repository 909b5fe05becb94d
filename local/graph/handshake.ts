/** The validation handshake (graph/change-notifications-delivery-webhooks): the endpoint must echo an opaque token. */
import { randomUUID } from 'node:crypto';
import type { EndpointAnswer, EndpointClient } from './endpoint-client.ts';
import { GraphFailure } from './graph-failure.ts';

export type HandshakeQuestion = { url: string; timeoutMs: number; client: EndpointClient };

/** Adds the token as one more query parameter, with `+` for spaces as .NET encodes it; the rest of the query stays. */
export function validationUrl(url: string, token: string): string {
  const encoded = encodeURIComponent(token).replaceAll('%20', '+');
  return `${url}${url.includes('?') ? '&' : '?'}validationToken=${encoded}`;
}

export type HandshakeOutcome = { failure: GraphFailure | undefined; ms: number };

/** Asks one URL; answers the refusal that Graph gives, if the endpoint did not pass. */
export async function handshake({ url, timeoutMs, client }: HandshakeQuestion): Promise<HandshakeOutcome> {
  const token = `Validation: Testing client application reachability for subscription Request-Id: ${randomUUID()}`;
  const answer = await client.post({
    url: validationUrl(url, token),
    body: '',
    contentType: 'text/plain; charset=utf-8',
    timeoutMs,
  });
  return { failure: findFailure(answer, token), ms: answer.ms };
}

function findFailure(answer: EndpointAnswer, token: string): GraphFailure | undefined {
  switch (answer.outcome) {
    case 'timeout':
      return new GraphFailure(400, 'InvalidRequest', 'Subscription validation request timed out.');
    case 'failed':
      return notValid(
        `Subscription validation request failed. The notification endpoint could not be reached: ${answer.reason}.`,
      );
    case 'answered': {
      const must = 'Notification endpoint must respond with 200 OK to validation request.';
      if (answer.status !== 200)
        return notValid(`Subscription validation request failed. HTTP status code is '${answer.status}'. ${must}`);
      if (answer.body !== token || !/^text\/plain\b/i.test(answer.contentType)) {
        return notValid(
          'Subscription validation request failed. Response must exactly match validationToken query parameter.',
        );
      }
      return undefined;
    }
  }
}

const notValid = (message: string): GraphFailure => new GraphFailure(400, 'ValidationError', message);
