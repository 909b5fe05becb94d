import { HttpRequest, type HttpRequestInit, InvocationContext } from '@azure/functions';

/** A request as the host hands it to a function. */
export const aRequest = (init: HttpRequestInit): HttpRequest =>
  new HttpRequest({ method: 'POST', url: 'https://ingest.test/api/notifications', ...init });

/** An invocation whose log lines are gathered in `lines`, each with its level. */
export const anInvocation = (lines: string[] = []): InvocationContext =>
  new InvocationContext({
    functionName: 'functionUnderTest',
    logHandler: (level, ...args) => lines.push(`${level} ${args.map(String).join(' ')}`),
  });
