import type { StatusFault } from '../hosted/faults.ts';

/** An error as the API gives it. */
export function replicateError(
  status: number,
  detail: unknown,
  extra: { title?: string; headers?: Record<string, string>; fields?: unknown } = {},
): StatusFault {
  const body = { ...(extra.title ? { title: extra.title } : {}), detail, status };
  return {
    kind: 'status',
    status,
    body: JSON.stringify(extra.fields ? { ...body, invalid_fields: extra.fields } : body),
    headers: { 'content-type': 'application/json', ...extra.headers },
  };
}

/** The errors the API really gives, ready to order. */
export const REPLICATE_ANSWERS = {
  rateLimited: (retryAfter: string) =>
    replicateError(429, `Request was throttled. Your rate limit resets in ~${retryAfter}s.`, {
      headers: { 'retry-after': retryAfter },
    }),
  serverError: (status: number) => replicateError(status, 'Something went wrong (in a double)'),
  noCredit: () =>
    replicateError(402, 'You have insufficient credit to run this model.', { title: 'Insufficient credit' }),
  badVersion: () =>
    replicateError(422, "The specified version does not exist (or perhaps you don't have permission to use it?)", {
      title: 'Invalid version or not permitted',
    }),
  badInput: (detail: unknown, fields?: unknown) =>
    replicateError(422, detail, { title: 'Input validation failed', fields }),
};
