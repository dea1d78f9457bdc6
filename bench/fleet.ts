import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { createPresence } from '../activities/machine/presence.ts';
import { MACHINE_WORKFLOW, type MachineCard, machineWorkflowId } from '../contract/machine-card.ts';
import { MACHINE_BOOT_SIGNAL } from '../contract/machine-command.ts';
import type { MachineBoot } from '../contract/machine-presence.ts';
import type { MachineView } from '../contract/machine-view.ts';
import { JOBS_TASK_QUEUE } from '../contract/task-queues.ts';
import { createMachineWorker } from '../workers/machine/machine-worker.ts';
import { startChild } from './child.ts';
import { measurement, type Measurement } from './measurement.ts';
import type { Site } from './site.ts';
import { quantile } from './statistics.ts';

const MACHINES = 100;
const REQUESTS = 300;
const QUIET_SECONDS = 60;

/** What machines cost: the start of one, its presence, and the page that shows a hundred. */
export async function fleet(site: Site): Promise<Measurement[]> {
  return [...(await oneMachine(site)), await page(site)];
}

/** A machine with two pretended GPUs, a program on each and a worker beside each. */
async function oneMachine(site: Site): Promise<Measurement[]> {
  const from = performance.now();
  const machine = await startChild(
    new URL('../workers/machine-main.js', import.meta.url),
    ['--id', 'bench-box', '--mock-gpus', '2'],
    site.env,
  );
  const seconds = (performance.now() - from) / 1_000;
  try {
    const response = await fetch(`${String(machine.ready['health_url'])}/status`);
    const { start_up: steps, card } = (await response.json()) as {
      start_up: { name: string; seconds: number }[];
      card: MachineCard;
    };
    const of = (step: string) => steps.find(({ name }) => name === step)?.seconds ?? 0;
    const handle = site.client.workflow.getHandle(machineWorkflowId('bench-box'));
    const events = async () => (await handle.fetchHistory()).events?.length ?? 0;
    // What it tells while it settles is no steady state.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const before = await events();
    const beats = new Set<string>();
    const end = performance.now() + QUIET_SECONDS * 1_000;
    while (performance.now() < end) {
      const { raw } = await handle.describe();
      const at = raw.pendingActivities?.[0]?.lastHeartbeatTime;
      if (at) beats.add(`${String(at.seconds)}.${at.nanos}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return [
      measurement({
        name: 'a machine with two services is ready, beyond their own start',
        ours: seconds - of('services started'),
        peer: 5,
        against: 'bound of 5 s',
        unit: 's',
        target: '≤ 1',
        method: `from the start of the process to presence, without the step "services started"; ${card.workers.length} workers included, which took ${of('workers started').toFixed(1)} s`,
      }),
      measurement({
        name: 'heartbeats of a machine in 5 s',
        ours: (beats.size / QUIET_SECONDS) * 5,
        peer: 1,
        against: 'one',
        unit: '',
        target: '≤ 1',
        method: `distinct heartbeat times in ${QUIET_SECONDS} s without work, described every 200 ms`,
      }),
      measurement({
        name: 'history events of a machine in a quiet minute',
        ours: (await events()) - before,
        peer: 1,
        against: 'one',
        unit: 'events',
        target: '= 0',
        method: 'the history before and after',
      }),
    ];
  } finally {
    await machine.stop();
  }
}

async function page(site: Site): Promise<Measurement> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const connection = await NativeConnection.connect({ address: site.address });
  let leave!: () => void;
  const leaving = new Promise<{ reason: 'stopped' }>((resolve) => {
    leave = () => resolve({ reason: 'stopped' });
  });
  const ids = Array.from({ length: MACHINES }, (_, index) => `fleet-${index}`);
  const runs: Promise<void>[] = [];
  const workers = [];
  for (const id of ids) {
    const boot: MachineBoot = { boot_id: id, hostname: id, version: '0' };
    let seq = 0;
    const worker = await createMachineWorker({
      connection,
      ...{ config: { temporalNamespace: 'default' }, machineId: id, identity: id },
      activities: {
        presence: createPresence({
          bootId: id,
          card: () => cardOf(id, ++seq),
          onChange: () => () => {},
          leaving,
          began: () => {},
          ended: () => {},
          foreign: () => {},
        }),
        machineCommand: async () => ({}),
      },
    });
    workers.push(worker);
    runs.push(worker.run());
    await site.client.workflow.signalWithStart(MACHINE_WORKFLOW, {
      ...{ workflowId: machineWorkflowId(id), taskQueue: JOBS_TASK_QUEUE, args: [{ machine_id: id }] },
      ...{ signal: MACHINE_BOOT_SIGNAL, signalArgs: [boot] },
    });
  }
  const read = async () => {
    const response = await fetch(`${site.api}/api/machines`);
    const text = await response.text();
    return { machines: (JSON.parse(text) as { machines: MachineView[] }).machines, bytes: text.length };
  };
  const alive = (machines: MachineView[]) => machines.filter(({ presence }) => presence === 'alive').length;
  const deadline = Date.now() + 120_000;
  for (;;) {
    const found = alive((await read()).machines);
    if (found >= MACHINES) break;
    if (Date.now() > deadline) throw new Error(`${found} of ${MACHINES} machines are seen after two minutes`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const times: number[] = [];
  let bytes = 0;
  for (let n = 0; n < REQUESTS; n++) {
    // Spread over the rounds in which the API reads the cards.
    await new Promise((resolve) => setTimeout(resolve, 40));
    const from = performance.now();
    bytes = (await read()).bytes;
    times.push(performance.now() - from);
  }
  leave();
  for (const worker of workers) worker.shutdown();
  await Promise.all(runs);
  await connection.close();
  return measurement({
    name: `GET /api/machines with ${MACHINES} machines, p95`,
    ours: quantile(times, 0.95),
    peer: 100,
    against: 'bound of 100 ms',
    unit: 'ms',
    target: '≤ 1',
    method: `${REQUESTS} requests over a quarter of a minute, ${Math.round(bytes / 1_000)} kB each, read and parsed; the machines are presences in one process and beat every 5 s; p50 ${quantile(times, 0.5).toFixed(1)} ms`,
  });
}

/** As large as that of a box with eight GPUs, a service and a worker on each. */
function cardOf(id: string, seq: number): MachineCard {
  const eight = Array.from({ length: 8 }, (_, index) => index);
  return {
    ...{ v: 1, machine_id: id, boot_id: id, seq, at: Date.now(), started_at: Date.now(), version: '0' },
    ...{ state: 'ready', cpu_percent: 12, instances: [] },
    facts: {
      ...{ type: 'gpu', hostname: id, platform: 'linux', arch: 'x64', gpu_problems: [] },
      gpus: eight.map((index) => ({
        ...{ index, vendor: 'mock', name: 'Mock GPU', device: `GPU-${index}`, utilization_percent: 40 },
        ...{ memory_total_bytes: 24e9, memory_used_bytes: 9e9, temperature_celsius: 61 },
      })),
      cpu: { model: 'x', cores: 64, usable: 64 },
      memory: { total_bytes: 512e9, available_bytes: 400e9, limited: false },
      disk: { path: '/data', total_bytes: 4e12, free_bytes: 3e12 },
    },
    services: eight.map((index) => ({
      ...{ name: `comfyui-gpu${index}`, service: 'comfyui', state: 'running', pid: 1_000 + index, port: 8_188 + index },
      ...{ gpus: [index], restarts: 0, memory_bytes: 9e9, cpu_percent: 30 },
    })),
    workers: eight.map((index) => ({
      ...{ name: `comfyui-${index + 1}`, pid: 2_000 + index, state: 'running', task_queues: ['heavy.comfyui'] },
      ...{ slots: 3, active_jobs: 1, hot_models: ['flux1-dev'], restarts: 0, memory_bytes: 2e8 },
    })),
  };
}
