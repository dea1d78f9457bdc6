import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ComfyUIInstancesConnector } from '../../../connectors/comfyui/connector.ts';
import type { InstanceManager } from '../../../connectors/comfyui/instances/instance-manager.ts';
import type { InstanceTiming } from '../../../connectors/comfyui/instances/timing.ts';
import { workerEntrySchema } from '../../../platform/catalog/service-mapping.schema.ts';
import { detectGpus } from '../../../platform/machine/detect-gpus.ts';
import { freePort, isPortFree } from '../../../platform/processes/free-port.ts';
import { createComfyProcesses } from '../../../workers/machine/instances/comfyui-processes.ts';
import { loadedManager } from '../../connectors/comfyui/instances/bench.ts';
import { graphWith, QUICK } from '../../connectors/comfyui/comfy-bench.ts';
import { contextFor, jobOf, type TestContext } from '../../connectors/harness.ts';
import { compileProgram } from '../../harness/compile-program.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { waitUntil } from '../../harness/wait-until.ts';
import { supervise } from '../bench.ts';

const contexts: TestContext[] = [];
const connectors: ComfyUIInstancesConnector[] = [];

afterEach(async () => {
  for (const connector of connectors.splice(0)) await connector.cleanup();
  for (const context of contexts.splice(0)) await context.remove();
});

const SERVICE = [{ capability: 'comfyui', connector: 'ComfyUILocalConnector', type: 'internal' }];
const RESTART = { delay: '50ms', max: 3 };

/** A manager whose instances are programs of a real supervisor, on two pretended GPUs. */
async function machine(installerConfig: object, timing: Partial<InstanceTiming> = {}, roots: string[] = []) {
  const folder = temporaryFolder();
  const { supervisor, events } = supervise({ folder, usageIntervalMs: 200 });
  const servicesDir = join(folder, 'services');
  mkdirSync(join(servicesDir, 'comfyui'), { recursive: true });
  const { gpus } = await detectGpus({
    run: async () => ({ outcome: 'missing', stdout: '', stderr: '' }),
    platform: 'linux',
    mockGpus: 2,
  });
  const entry = workerEntrySchema.parse({
    service: SERVICE,
    installer: 'comfyui',
    installer_config: { restart: RESTART, ...installerConfig },
  });
  const processes = createComfyProcesses({
    supervisor,
    env: process.env,
    logsDir: join(folder, 'logs'),
    paths: { servicesDir, roots },
    program: { id: 'comfyui', entry },
    signal: new AbortController().signal,
  });
  const open = () =>
    loadedManager(join(folder, 'config'), {
      processes,
      gpus: () => gpus,
      timing: { resourcesMs: 200, healthMs: 500, saveMs: 100, ...timing },
    });
  return { folder, servicesDir, supervisor, events, open };
}

/** The double as the program that is run. */
const withDouble = (timing: Partial<InstanceTiming> = {}) =>
  machine(
    {
      install: [],
      cwd: '.',
      command: ['node', compileProgram('tests/doubles/comfyui/program.ts'), '--port', '{port}'],
    },
    timing,
    [resolve(compileProgram('tests/doubles/comfyui/program.ts'), '..')],
  );

function jobsOn(manager: InstanceManager) {
  const connector = new ComfyUIInstancesConnector('instances', { ...QUICK, outage_seconds: 60 }, manager);
  connectors.push(connector);
  return (id: string, graph: unknown) => {
    const context = contextFor({ jobId: id });
    contexts.push(context);
    return connector.processJob(jobOf({ workflow: graph }, { id, type: 'comfyui' }), () => {}, context);
  };
}

const steps = (count: number, ms: number) =>
  graphWith({ '5': { class_type: 'Steps', inputs: { image: ['1', 0], steps: count, ms, previews: false } } });

describe('instances whose processes a machine runs', () => {
  test('are started on devices of their own, shown, and stopped; their ports are looked after', async () => {
    const { open, supervisor } = await withDouble();
    const manager = await open();
    const [a, b] = [
      await manager.createInstance({ name: 'A' }),
      await manager.createInstance({ name: 'B', envVars: { GREETING: 'hi' } }),
    ];
    expect(a.config.port).not.toBe(b.config.port);
    await Promise.all([manager.startInstance(a.id), manager.startInstance(b.id)]);
    expect(manager.cards()).toMatchObject([
      { id: a.id, status: 'running', health: 'healthy', url: `http://127.0.0.1:${a.config.port}`, active: true },
      { id: b.id, status: 'running' },
    ]);
    expect(new Set(manager.cards().flatMap(({ gpus }) => gpus))).toEqual(new Set([0, 1]));
    const { pid } = supervisor.get(`instance-${b.id}`);
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toMatch(/GREETING=hi/);
    await waitUntil(() => manager.getInstance(a.id)?.health.systemStats?.cpuUsage !== null);
    await manager.stopInstance(a.id);
    expect(await isPortFree('127.0.0.1', a.config.port)).toBe(true);
    expect(supervisor.list().map(({ name }) => name)).toEqual([`instance-${b.id}`]);
    await manager.deleteInstance(b.id);
    expect(supervisor.list()).toEqual([]);
  });

  test('one that is killed comes back, and its jobs move at once; none runs twice', async () => {
    const { open, supervisor } = await withDouble();
    const manager = await open();
    for (const name of ['A', 'B']) await manager.startInstance((await manager.createInstance({ name })).id);
    const submit = jobsOn(manager);
    const results = [submit('one', steps(40, 50)), submit('two', steps(40, 50))];
    await waitUntil(() =>
      manager.getInstancesByLoad().every(({ health }) => health.systemStats?.activeWorkflows === 1),
    );
    process.kill(supervisor.get('instance-instance_001').pid!, 'SIGKILL');
    for (const result of results) expect(await result).toMatchObject({ status: 'completed' });
    await waitUntil(() => manager.getInstance('instance_001')?.status === 'running');
    expect(supervisor.get('instance-instance_001').restarts).toBe(1);
    const { workflows } = manager.getHistory('instance_001');
    expect(workflows.map(({ outcome }) => outcome)).toContain('moved');
    expect(manager.getHistory('instance_001').health.errors[0]?.message).toMatch(/SIGKILL/);
  });

  test('one that hangs is unhealthy, is restarted, and an alert tells of it', async () => {
    const { open, supervisor } = await withDouble({ connectMs: 1_000, failures: 2 });
    const manager = await open();
    const { id } = await manager.createInstance({ name: 'A' });
    await manager.startInstance(id);
    const { pid } = supervisor.get(`instance-${id}`);
    process.kill(pid!, 'SIGSTOP');
    await waitUntil(() => supervisor.list()[0]?.pid !== pid && manager.getInstance(id)?.status === 'running');
    expect(manager.getInstance(id)?.health.status).toBe('healthy');
    const kinds = manager.describe(id).alerts.map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['unhealthy', 'connection_timeout']));
  });

  test('what runs over its time is cleared away by whoever looks after the instance', async () => {
    const { open } = await withDouble();
    const manager = await open();
    const { id, client } = await manager.createInstance({ name: 'A', timeoutMs: 1_000 });
    await manager.startInstance(id);
    const prompt = steps(10_000, 50);
    await fetch(`${client.baseUrl}/prompt`, { method: 'POST', body: JSON.stringify({ prompt }) });
    await waitUntil(() => manager.getInstance(id)?.health.systemStats?.activeWorkflows === 1);
    await waitUntil(() => manager.describe(id).alerts.some(({ kind }) => kind === 'stalled_workflow'));
    await waitUntil(() => manager.getInstance(id)?.health.systemStats?.activeWorkflows === 0);
  });

  test('those with autoStart come with the next start; one that cannot be started says why', async () => {
    const { open } = await withDouble();
    const first = await open();
    await first.createInstance({ name: 'A', autoStart: true });
    await first.createInstance({ name: 'B' });
    await first.close();
    const manager = await open();
    await waitUntil(() => manager.getInstance('instance_001')?.status === 'running');
    expect(manager.getInstance('instance_002')?.status).toBe('stopped');
    // Somebody takes its port meanwhile.
    const { createServer } = await import('node:net');
    const { port } = manager.getInstance('instance_002')!.config;
    const server = createServer().listen(port, '127.0.0.1');
    await new Promise((resolvePromise) => server.once('listening', resolvePromise));
    await expect(manager.startInstance('instance_002')).rejects.toMatchObject({ code: 'conflict' });
    expect(manager.getInstance('instance_002')?.status).toBe('stopped');
    server.close();
  });

  test('one whose program ends at once is in error, and another may take its place', async () => {
    const { open } = await machine({
      install: [],
      cwd: '.',
      command: ['node', '-e', 'process.exit(3)', '--'],
      restart: { max: 0 },
    });
    const manager = await open();
    const { id } = await manager.createInstance({ name: 'A' });
    await expect(manager.startInstance(id)).rejects.toMatchObject({ code: 'service_unavailable' });
    expect(manager.describe(id)).toMatchObject({
      status: 'error',
      stats: { lastError: expect.stringContaining('status 3') },
    });
  });
});

/** A folder with ComfyUI in `src`, its Python environment in `venv`, and any page in `front`. */
const COMFYUI = process.env['SWITCHYARD_TEST_COMFYUI_DIR'];

(COMFYUI === undefined ? test.skip : test)(
  'a real ComfyUI is an instance: made, started, given a job, killed, restarted, given another, stopped',
  async () => {
    const home = resolve(COMFYUI as string);
    const args = ['--front-end-root', join(home, 'front'), '--disable-api-nodes'];
    const { open, servicesDir, supervisor } = await machine(
      { install: [], args },
      { resourcesMs: 5_000, healthMs: 30_000 },
      [home],
    );
    symlinkSync(join(home, 'src'), join(servicesDir, 'comfyui', 'source'));
    symlinkSync(join(home, 'venv'), join(servicesDir, 'comfyui', 'venv'));
    const nodes = join(servicesDir, 'my-nodes');
    mkdirSync(nodes);
    const manager = await open();
    const { id } = await manager.createInstance({ name: 'Real', port: await freePort(), customNodesPath: nodes });
    await manager.startInstance(id);
    const submit = jobsOn(manager);
    expect(await submit(`real-${Date.now()}`, graphWith())).toMatchObject({ status: 'completed' });
    process.kill(supervisor.get(`instance-${id}`).pid!, 'SIGKILL');
    await waitUntil(() => manager.getInstance(id)?.status === 'starting');
    // Waits until it is back.
    expect(await submit(`again-${Date.now()}`, graphWith())).toMatchObject({ status: 'completed' });
    expect(manager.describe(id)).toMatchObject({ status: 'running', stats: { successfulWorkflows: 2 } });
    await manager.stopInstance(id);
    expect(supervisor.list()).toEqual([]);
  },
  600_000,
);
