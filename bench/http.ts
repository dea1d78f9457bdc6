import { Agent, request } from 'undici';

/** One pool of kept-alive connections for all load. */
const agent = new Agent({ connections: 200, pipelining: 1, headersTimeout: 120_000, bodyTimeout: 120_000 });

/** A job that does nothing, as lean as the bare workflow's activity. */
export const NOOP_JOB = { service: 'simulation', payload: { duration: 0, steps: 1 } };

/**
 * Submits a job over HTTP.
 * @param waitSeconds 0: return with the 201; otherwise `Prefer: wait`
 */
export async function submit(api: string, job: object, waitSeconds = 0): Promise<{ id: string; status: string }> {
  const response = await request(`${api}/api/jobs`, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/json', ...(waitSeconds > 0 ? { prefer: `wait=${waitSeconds}` } : {}) },
    body: JSON.stringify(job),
  });
  const body = (await response.body.json()) as { id: string; status: string; detail?: string };
  if (response.statusCode >= 400) throw new Error(`${response.statusCode}: ${body.detail}`);
  if (waitSeconds > 0 && body.status !== 'completed') throw new Error(`job ${body.id} is ${body.status}`);
  return body;
}

export function closeHttp(): Promise<void> {
  return agent.close();
}
