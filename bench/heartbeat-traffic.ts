import { submit } from './http.ts';
import { measurement, type Measurement } from './measurement.ts';
import type { Site } from './site.ts';

const SECONDS = 10;

/**
 * Heartbeats a chatty and a silent job send per second: how far a hundred reports a second are merged, and what a job
 * that says nothing costs for being cancellable.
 */
export async function heartbeatTraffic(site: Site): Promise<Measurement[]> {
  const chatty = await beatsOf(site, { duration: SECONDS * 1_000, steps: 1_000 });
  const silent = await beatsOf(site, { duration: SECONDS * 1_000, steps: 1 });
  const row = (name: string, beats: number, reports: number, method: string) =>
    measurement({
      name,
      ours: beats / SECONDS,
      peer: reports,
      against: 'one heartbeat per report',
      unit: '/s',
      method,
    });
  return [
    row(
      'heartbeats of a job reporting 100 times a second',
      chatty,
      100,
      'distinct heartbeat times seen by describing the job every 20 ms',
    ),
    row('heartbeats of a silent job', silent, 1, 'as above; it beats only so that a cancel can reach it'),
  ];
}

async function beatsOf(site: Site, payload: object): Promise<number> {
  const { id } = await submit(site.api, { service: 'simulation', payload });
  const handle = site.client.workflow.getHandle(`job/${id}`);
  const times = new Set<string>();
  for (;;) {
    const { raw, status } = await handle.describe();
    const at = raw.pendingActivities?.[0]?.lastHeartbeatTime;
    if (at) times.add(`${String(at.seconds)}.${at.nanos}`);
    if (status.name !== 'RUNNING') return times.size;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
