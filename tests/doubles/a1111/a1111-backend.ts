import { HostedBackend } from '../hosted/hosted-backend.ts';
import { A1111Double } from './a1111-double.ts';

/** The web UI under the contract of connectors. */
export async function a1111Backend(): Promise<HostedBackend> {
  const json = (value: object) => JSON.stringify(value);
  return new HostedBackend(await A1111Double.start(), 'work', {
    // The web UI has no limits; a proxy in front of it may.
    rateLimited: (seconds) => ({
      kind: 'status',
      status: 429,
      headers: { 'retry-after': seconds },
      body: json({ detail: 'the double is asked too often' }),
    }),
    serverError: (status) => ({
      kind: 'status',
      status,
      body: json({ error: 'RuntimeError', detail: '', body: '', errors: 'the double is broken' }),
    }),
  });
}
