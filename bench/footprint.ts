import { startChild, type Child } from './child.ts';
import { jobEvents } from './event-stream.ts';
import { NOOP_JOB, submit } from './http.ts';
import { measurement, type Measurement } from './measurement.ts';
import type { Site } from './site.ts';
import { quantile } from './statistics.ts';

/** History events of a plain job, ours and the bare workflow's. */
export async function historyEvents(site: Site): Promise<Measurement> {
  const { id } = await submit(site.api, NOOP_JOB, 60);
  const bare = await site.client.workflow.start('bare', {
    taskQueue: 'bare',
    workflowId: `bare-events-${process.pid}`,
  });
  await bare.result();
  const ours = await site.client.workflow.getHandle(`job/${id}`).fetchHistory();
  return measurement({
    name: 'history events of a plain job',
    ours: ours.events?.length ?? 0,
    peer: (await bare.fetchHistory()).events?.length ?? 0,
    against: 'bare workflow',
    unit: 'events',
    target: '= 11 events',
    method: 'one job over HTTP; whole history fetched',
  });
}

/** How long after the connector's report an SSE client sees it, and how many heartbeats that took. */
export async function progressDelay(site: Site, seconds = 20): Promise<Measurement> {
  const { id } = await submit(site.api, {
    service: 'simulation',
    payload: { duration: seconds * 1_000, steps: seconds * 10 },
  });
  const delays: number[] = [];
  for await (const event of jobEvents(site.api, id)) {
    if (event.type === 'progress') delays.push(Date.now() - Date.parse(event.progress.updated_at));
  }
  return measurement({
    name: 'progress delay p95, report to SSE client',
    ours: quantile(delays, 0.95),
    peer: 1_500,
    against: 'bound of 1.5 s',
    unit: 'ms',
    target: '≤ 1',
    method: `one simulated job of ${seconds} s reporting ten times a second; ${delays.length} progress events reached the client`,
  });
}

/** Resident memory of ten idle pool worker processes. */
export async function idleMemory(site: Site): Promise<Measurement> {
  const workers: Child[] = [];
  try {
    for (let i = 0; i < 10; i++) {
      const pool = ['fast-lane', 'standard', 'heavy'][i % 3]!;
      workers.push(await startChild(new URL('../workers/pool-main.js', import.meta.url), ['--pool', pool], site.env));
    }
    const total = workers.reduce((sum, worker) => sum + worker.rss(), 0);
    return measurement({
      name: 'memory of ten idle pool workers',
      ours: Math.round(total / 1e6),
      peer: 2_000,
      against: 'bound of 2 GB',
      unit: 'MB',
      target: '≤ 1',
      method: 'sum of VmRSS right after all are ready',
    });
  } finally {
    for (const worker of workers) await worker.stop();
  }
}
