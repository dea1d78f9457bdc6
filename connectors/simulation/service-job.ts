import { randomUUID } from 'node:crypto';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ProgressCallback } from '../contract/connector.ts';
import type { FakeService } from './fake-service.ts';
import { simulatedFailure, type Work } from './steps.ts';
import { hang, waitUntil } from './wait.ts';

/** How often the pretended service is asked, at most. Milliseconds. */
const POLL = 200;

/**
 * Lets the pretended service do the work. It is submitted once, whatever happens to workers: the id is made durable
 * before the service hears of it, and the next attempt asks for that id first.
 * @param knownId what an earlier attempt tracked
 * @param track makes an id durable
 */
export async function runServiceJob(
  work: Work,
  service: FakeService,
  knownId: string | undefined,
  track: (id: string) => Promise<void>,
  report: ProgressCallback,
) {
  const known = knownId === undefined ? undefined : (await service.status(knownId)).status;
  const reattached = known === 'running' || known === 'completed';
  // `unknown`: tracked, but the worker died before the service heard of it.
  const id = knownId !== undefined && (reattached || known === 'unknown') ? knownId : `sim-${randomUUID()}`;
  if (id !== knownId) await track(id);
  if (!reattached) {
    const { jobId: job_id, duration, failure } = work;
    await service.submit({ id, job_id, started_at: Date.now(), duration, failure });
  }
  const job = await service.find(id);
  if (!job) throw new ConnectorError('backend_error', `The simulated service has lost job ${id}`);
  await follow(id, job.started_at + job.duration, job.duration, work, service, report);
  if (job.failure) throw simulatedFailure(work, job.failure);
  return { service_job_id: id, reattached, attempt: work.attempt, duration_ms: job.duration };
}

async function follow(
  id: string,
  endsAt: number,
  duration: number,
  work: Work,
  service: FakeService,
  report: ProgressCallback,
): Promise<void> {
  const { steps, hang: manners } = work.payload;
  const interval = Math.min(POLL, Math.max(10, duration / steps));
  for (;;) {
    const { status, progress = 0 } = await service.status(id);
    if (status === 'completed' || status === 'failed') return;
    if (status !== 'running') throw new ConnectorError('backend_error', `The simulated service says: ${status}`);
    const left = Math.max(0, endsAt - Date.now());
    await report({
      job_id: work.jobId,
      progress,
      message: `service job ${id} is running`,
      current_step: Math.floor((progress / 100) * steps),
      total_steps: steps,
      estimated_completion_ms: left,
    });
    if (manners !== false && progress >= 50) await hang(manners === 'hard' ? undefined : work.signal);
    await waitUntil(performance.now() + Math.min(interval, left + 1), work.signal);
  }
}
