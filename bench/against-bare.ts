import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { freePort } from '../platform/processes/free-port.ts';
import { findTemporalBinary } from '../platform/temporal/binary/find-binary.ts';
import { openEagerBare } from './bare/eager.ts';
import { startChild } from './child.ts';
import { NOOP_JOB, submit } from './http.ts';
import { runLoad } from './load.ts';
import { measurement, type Measurement } from './measurement.ts';
import type { Site } from './site.ts';
import { median, quantile } from './statistics.ts';

let serial = 0;

function bare(client: Client): Promise<unknown> {
  return client.workflow.execute('bare', { taskQueue: 'bare', workflowId: `bare-${process.pid}-${++serial}` });
}

function ours(site: Site): Promise<unknown> {
  return submit(site.api, NOOP_JOB, 60);
}

/** Jobs per second at 50 in flight: rounds of ours and the peer's in turn, ratio of the medians. */
export async function throughput(site: Site, rounds = 5, perRound = 200): Promise<Measurement> {
  const rates = { ours: [] as number[], peer: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    rates.ours.push(perRound / ((await runLoad(perRound, 50, () => ours(site))).total / 1_000));
    rates.peer.push(perRound / ((await runLoad(perRound, 50, () => bare(site.client))).total / 1_000));
  }
  return measurement({
    name: 'throughput, 50 in flight',
    ours: median(rates.ours),
    peer: median(rates.peer),
    against: 'bare workflow, one no-op activity',
    unit: 'jobs/s',
    target: '≥ 0.95',
    method: `${rounds} rounds of ${perRound}, ours and bare in turn; ours from POST /api/jobs to the finished job over HTTP`,
  });
}

/** Time from submission to the known end, one at a time. */
export async function latency(site: Site, count = 100): Promise<Measurement[]> {
  const times = { ours: [] as number[], peer: [] as number[], eager: [] as number[] };
  const eager = await openEagerBare(site.address);
  await runLoad(count / 2, 10, eager.run);
  for (let round = 0; round < 5; round++) {
    times.ours.push(...(await runLoad(count / 5, 1, () => ours(site))).each);
    times.peer.push(...(await runLoad(count / 5, 1, () => bare(site.client))).each);
    times.eager.push(...(await runLoad(count / 5, 1, eager.run)).each);
  }
  await eager.close();
  const untuned = await defaultServerLatency(count / 2);
  const row = (name: string, part: number, peer: number[], against: string, target?: string) =>
    measurement({
      name,
      ours: quantile(times.ours, part),
      peer: quantile(peer, part),
      against,
      unit: 'ms',
      target,
      method: `${times.ours.length} jobs one after another, ours over HTTP with eager start; bare ${peer.length}, not eagerly started`,
    });
  return [
    row('latency p50, 1 in flight', 0.5, times.peer, 'bare workflow, same server', '≤ 0.85'),
    row('latency p99, 1 in flight', 0.99, times.peer, 'bare workflow, same server'),
    row('latency p50, 1 in flight', 0.5, untuned, 'bare workflow, dev server with default settings', '≤ 0.45'),
    measurement({
      name: 'latency p50 of a bare workflow, eagerly started, without HTTP',
      ours: median(times.eager),
      peer: median(times.peer),
      against: 'bare workflow, same server',
      unit: 'ms',
      method: 'no code of ours: what an eager start saves on this server and machine, and so what ours could reach',
    }),
  ];
}

/** The same bare job on `temporal server start-dev` as it comes. */
async function defaultServerLatency(count: number): Promise<number[]> {
  const { path } = await findTemporalBinary({ env: process.env });
  const address = `127.0.0.1:${await freePort()}`;
  const server = spawn(path, ['server', 'start-dev', '--headless', '--port', address.split(':')[1]!], {
    stdio: 'ignore',
  });
  try {
    const connection = await connectWhenUp(address);
    const workers = [];
    for (const role of ['workflow', 'activity']) {
      workers.push(await startChild(new URL('./bare/worker-main.js', import.meta.url), [role, address], {}));
    }
    const client = new Client({ connection });
    await runLoad(10, 1, () => bare(client));
    const { each } = await runLoad(count, 1, () => bare(client));
    for (const worker of workers) await worker.stop();
    await connection.close();
    return each;
  } finally {
    server.kill('SIGKILL');
  }
}

async function connectWhenUp(address: string): Promise<Connection> {
  for (let tries = 0; ; tries++) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 2_000 });
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      return connection;
    } catch (error) {
      if (tries > 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** HTTP request to 201 against the client's own start call. */
export async function submitLatency(site: Site, count = 200): Promise<Measurement[]> {
  const times = { ours: [] as number[], peer: [] as number[] };
  const quiet = { ours: [] as number[], peer: [] as number[] };
  const start = () =>
    site.client.workflow.start('bare', { taskQueue: 'bare', workflowId: `bare-${process.pid}-${++serial}` });
  for (let round = 0; round < 10; round++) {
    times.ours.push(...(await runLoad(count / 10, 1, () => submit(site.api, NOOP_JOB))).each);
    await settle(site);
    times.peer.push(...(await runLoad(count / 10, 1, start)).each);
    await settle(site);
  }
  for (let job = 0; job < count / 4; job++) {
    quiet.ours.push(...(await runLoad(1, 1, () => submit(site.api, NOOP_JOB))).each);
    await sleep(UNTIL_QUIET_MS);
    quiet.peer.push(...(await runLoad(1, 1, start)).each);
    await sleep(UNTIL_QUIET_MS);
  }
  const row = (name: string, of: typeof times, method: string, target?: string) =>
    measurement({
      ...{ name, ours: median(of.ours), peer: median(of.peer), against: 'bare workflow.start', unit: 'ms' },
      ...{ target, method: `${of.ours.length} submissions, POST /api/jobs to 201; ours and bare in turn; ${method}` },
    });
  return [
    row('submit p50, one after another', times, 'the jobs run beside the submissions', '≤ 1.3'),
    row('submit p50, nothing else running', quiet, 'each after the job before has ended'),
  ];
}

/** In which a job ends that does nothing. Milliseconds. */
const UNTIL_QUIET_MS = 100;

/** Lets what was started end, so that it does not disturb the next round. */
async function settle(site: Site): Promise<void> {
  await submit(site.api, NOOP_JOB, 60);
  await bare(site.client);
}
