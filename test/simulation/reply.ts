/** An answer of the simulated Graph. */
export interface Reply {
  status: number;
  body?: unknown;
  retryAfter?: string | undefined;
}

export const ROOT = 'https://graph.test/v1.0';

export const refusal = (status: number, code: string, message = code): Reply => ({
  status,
  body: { error: { code, message } },
});

export const notFound = (): Reply => refusal(404, 'ErrorItemNotFound');
