import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { GpuFacts } from '../../../../contract/machine-facts.ts';
import type { InstanceProcesses } from '../../../../connectors/comfyui/instances/processes.ts';
import { temporaryFolder } from '../../../harness/temporary-folder.ts';
import { waitUntil } from '../../../harness/wait-until.ts';
import { comfy, gate, loadedManager, newManager } from './bench.ts';

const FILE = 'comfyui_instances.json';

describe('an instance that runs by itself', () => {
  test('is made, read, listed, changed and deleted, and each step is in the file', async () => {
    const folder = temporaryFolder();
    const double = await comfy();
    const manager = await loadedManager(folder);
    const made = await manager.createInstance({ name: 'First', url: double.url, maxConcurrentWorkflows: 2 });
    expect(made).toMatchObject({ id: 'instance_001', name: 'First', status: 'stopped', lastUsedAt: null });
    expect(made.config).toEqual({
      id: 'instance_001',
      name: 'First',
      url: double.url,
      port: Number(new URL(double.url).port),
      host: 'localhost',
      maxConcurrentWorkflows: 2,
      timeoutMs: 300_000,
      enableQueueMonitoring: true,
      autoStart: false,
    });
    expect(manager.getInstance('instance_001')).toBe(made);
    expect(manager.getInstance('nobody')).toBeNull();
    await manager.createInstance({ name: 'Second', id: 'second', url: (await comfy()).url });
    expect(manager.listInstances().map(({ id }) => id)).toEqual(['instance_001', 'second']);
    await manager.updateInstance('second', { name: 'Renamed', description: 'for tests', timeoutMs: 5_000 });
    await manager.updateInstance('second', { description: null });
    const read = () => JSON.parse(readFileSync(join(folder, FILE), 'utf8')) as Record<string, unknown>;
    expect(read()).toMatchObject({
      version: '1.0',
      instances: [{ id: 'instance_001' }, { id: 'second', name: 'Renamed', timeoutMs: 5_000 }],
      activeInstanceId: null,
      lastSaved: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(JSON.stringify(read())).not.toContain('description');
    await manager.deleteInstance('instance_001');
    expect(read()).toMatchObject({ instances: [{ id: 'second' }] });
    expect(existsSync(join(folder, 'instance_instance_001_workflows.json'))).toBe(false);
    await expect(manager.deleteInstance('instance_001')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('is started, paused, resumed and stopped', async () => {
    const double = await comfy();
    const manager = await loadedManager(temporaryFolder());
    const { id } = await manager.createInstance({ name: 'One', url: double.url });
    const status = () => manager.getInstance(id)?.status;
    expect(manager.getHealthyInstance()).toBeNull();
    await expect(manager.pauseInstance(id)).rejects.toMatchObject({ code: 'conflict' });
    await manager.startInstance(id);
    expect(status()).toBe('running');
    expect(manager.getHealthyInstance()?.id).toBe(id);
    expect(manager.getInstance(id)?.health).toMatchObject({ status: 'healthy', consecutiveFailures: 0 });
    await manager.pauseInstance(id);
    expect(status()).toBe('paused');
    expect(manager.getHealthyInstance()).toBeNull();
    await expect(manager.executeOnInstance(id, async () => 1)).rejects.toThrow(/takes no workflows: it is paused/);
    await manager.resumeInstance(id);
    expect(status()).toBe('running');
    await manager.stopInstance(id);
    expect(status()).toBe('stopped');
    await expect(manager.resumeInstance(id)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('that cannot be reached is kept, and says so when it is started', async () => {
    const double = await comfy();
    const { url } = double;
    await double.stop();
    const manager = await loadedManager(temporaryFolder());
    const { id } = await manager.createInstance({ name: 'Off', url });
    await expect(manager.startInstance(id)).rejects.toMatchObject({ code: 'service_unavailable' });
    expect(manager.getInstance(id)?.status).toBe('error');
    expect(manager.describe(id).stats.lastError).toMatch(/cannot be reached/);
    await double.revive();
    await manager.startInstance(id);
    expect(manager.getInstance(id)?.status).toBe('running');
  });

  test('a workflow counts in its statistics, its limits hold, and its history is kept', async () => {
    const folder = temporaryFolder();
    const double = await comfy();
    const manager = await loadedManager(folder);
    const { id } = await manager.createInstance({
      name: 'One',
      url: double.url,
      maxConcurrentWorkflows: 2,
      timeoutMs: 1_000,
    });
    await manager.startInstance(id);
    const held = gate();
    let most = 0;
    let now = 0;
    const all = Promise.all(
      [1, 2, 3, 4].map((n) =>
        manager.executeOnInstance(id, async (client) => {
          most = Math.max(most, ++now);
          if (n <= 2) await held.passed;
          await client.systemStats();
          now--;
          return n;
        }),
      ),
    );
    held.open();
    await expect(all).resolves.toEqual([1, 2, 3, 4]);
    expect(most).toBe(2);
    await expect(manager.executeOnInstance(id, async () => Promise.reject(new Error('bad')))).rejects.toThrow('bad');
    await expect(manager.executeOnInstance('', () => new Promise(() => {}))).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('timeoutMs'),
    });
    expect(manager.getInstanceStats(id)).toMatchObject({
      totalWorkflows: 6,
      successfulWorkflows: 4,
      failedWorkflows: 2,
      lastError: expect.stringContaining('did not end'),
    });
    await manager.close();
    const again = await loadedManager(folder);
    expect(again.getInstanceStats(id)).toMatchObject({ totalWorkflows: 6, failedWorkflows: 2 });
    expect(again.getHistory(id).workflows.map(({ outcome }) => outcome)).toContain('failed');
  });

  test('the active one is where work goes that names none; the first that runs stands in for it', async () => {
    const manager = await loadedManager(temporaryFolder());
    expect(manager.getActiveInstance()).toBeNull();
    await expect(manager.executeOnInstance('', async () => 1)).rejects.toMatchObject({ code: 'not_found' });
    const one = await manager.createInstance({ name: 'One', url: (await comfy()).url });
    const two = await manager.createInstance({ name: 'Two', url: (await comfy()).url });
    expect(manager.getActiveInstance()?.id).toBe(one.id);
    await manager.startInstance(two.id);
    expect(manager.getActiveInstance()?.id).toBe(two.id);
    await manager.setActiveInstance(one.id);
    expect(manager.getActiveInstance()?.id).toBe(one.id);
    expect(manager.cards().map(({ id, active }) => [id, active])).toEqual([
      [one.id, true],
      [two.id, false],
    ]);
    await expect(manager.setActiveInstance('nobody')).rejects.toMatchObject({ code: 'not_found' });
    await manager.deleteInstance(one.id);
    expect(manager.getActiveInstance()?.id).toBe(two.id);
  });
});

const GPU = { index: 0, vendor: 'mock', name: 'Mock GPU', device: '0', memory_total_bytes: 8e9, memory_used_bytes: 0, utilization_percent: 0, temperature_celsius: null } satisfies GpuFacts; // biome-ignore format: facts

/** Starts nothing; only its rules count. */
const rulesOnly = (roots: string[]): InstanceProcesses => ({
  roots,
  examine: async () => {},
  start: async () => {},
  stop: async () => {},
  usage: () => undefined,
  subscribe: () => () => {},
});

describe('what is no good is refused with the field and the way out, and nothing is changed', () => {
  const refused = async (wish: Record<string, unknown>, code: string, text: RegExp) => {
    const folder = temporaryFolder();
    const manager = await loadedManager(folder, { processes: rulesOnly([folder]), gpus: () => [GPU] });
    await expect(manager.createInstance({ name: 'X', ...wish })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(text),
    });
    expect(manager.listInstances()).toEqual([]);
    expect(existsSync(join(folder, FILE))).toBe(false);
  };

  for (const [what, wish, text] of [
    [
      'a GPU that is not there',
      { gpuDevice: 'cuda:3' },
      /gpuDevice names a GPU that is not there: cuda:3 \(there are 0/,
    ],
    [
      'a GPU that is not there, by variable',
      { envVars: { CUDA_VISIBLE_DEVICES: '7' } },
      /CUDA_VISIBLE_DEVICES names a GPU/,
    ],
    [
      'variables that contradict it',
      { gpuDevice: 'cuda:0', envVars: { CUDA_VISIBLE_DEVICES: '1' } },
      /contradicts gpuDevice/,
    ],
    ['a path outside', { customNodesPath: '/etc' }, /customNodesPath leads out of the allowed folders/],
    ['a path that climbs', { customNodesPath: '/tmp/../etc/x' }, /customNodesPath leads out/],
    ['a variable that runs code', { envVars: { LD_PRELOAD: '/tmp/x.so' } }, /envVars\/LD_PRELOAD must not be set/],
    ['our own variable', { envVars: { SWITCHYARD_PORT: '1' } }, /envVars\/SWITCHYARD_PORT must not be set/],
    ['a metadata address', { url: 'http://169.254.169.254/' }, /url points to 169.254.169.254/],
    ['an address that is none', { url: 'http://0.0.0.0:8188' }, /url points to 0.0.0.0/],
    ['a mapped address', { url: 'http://[::ffff:169.254.169.254]:80' }, /url points to/],
    ['credentials in the address', { url: 'http://me:pw@10.0.0.1:8188' }, /must not hold credentials/],
    ['another protocol', { url: 'file:///etc/passwd' }, /is no http\(s\) address/],
    ['a field that does not exist', { prot: 8188 }, /prot is no field of an instance/],
    ['a port that is none', { port: 70_000 }, /port must be 1–65535/],
    ['an id that is a path', { id: '../x' }, /id must be 1–63 letters/],
    ['limits that are none', { maxConcurrentWorkflows: 0, timeoutMs: -1 }, /maxConcurrentWorkflows.*timeoutMs/],
    ['an empty name', { name: ' ' }, /name must not be empty/],
  ] as const)
    test(what, () => refused(wish, 'validation', text));

  test('a port in use, with who has it', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await refused({ port }, 'conflict', new RegExp(`Port ${port} is in use.*use it as it is: url`)).finally(() =>
      server.close(),
    );
  });

  test('something that is no ComfyUI', async () => {
    const server = createHttpServer((_request, response) => response.end('{"hello": "world"}')).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await refused({ url: `http://127.0.0.1:${port}` }, 'validation', /is no ComfyUI/).finally(() => server.close());
  });

  test('something that speaks no HTTP', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await refused({ url: `http://127.0.0.1:${port}` }, 'validation', /is no ComfyUI/).finally(() => server.close());
  });

  test('a name, an id and a port that another has', async () => {
    const folder = temporaryFolder();
    const manager = await loadedManager(folder, { processes: rulesOnly([folder]) });
    const one = await manager.createInstance({ name: 'One' });
    expect(one.config.port).toBeGreaterThanOrEqual(8_188);
    await expect(manager.createInstance({ name: 'one' })).rejects.toThrow(/name is the name of instance_001/);
    await expect(manager.createInstance({ name: 'Two', id: one.id })).rejects.toMatchObject({ code: 'conflict' });
    await expect(manager.createInstance({ name: 'Two', port: one.config.port })).rejects.toThrow(
      /port of instance_001/,
    );
    await expect(manager.updateInstance(one.id, { port: 0 })).rejects.toMatchObject({ code: 'validation' });
    const two = await manager.createInstance({ name: 'Two' });
    expect(two.config.port).not.toBe(one.config.port);
  });

  test('what its process was started with is not changed under it', async () => {
    const folder = temporaryFolder();
    const manager = await loadedManager(folder);
    const { id } = await manager.createInstance({ name: 'One', url: (await comfy()).url });
    await manager.startInstance(id);
    await expect(manager.updateInstance(id, { url: 'http://127.0.0.1:1' })).rejects.toThrow(/stop it first/);
    await manager.updateInstance(id, { maxConcurrentWorkflows: 5 });
    expect(manager.getInstance(id)?.config.maxConcurrentWorkflows).toBe(5);
  });
});

describe('files', () => {
  test('are for the owner alone, and hold keys that nothing shows', async () => {
    const folder = join(temporaryFolder(), 'deep', 'switchyard');
    const double = await comfy({ authorization: 'Bearer geheim-123' });
    const manager = await loadedManager(folder);
    const { id } = await manager.createInstance({
      name: 'One',
      url: double.url,
      apiKey: 'geheim-123',
      envVars: { HF_TOKEN: 'hf-geheim', MODE: 'x' },
    });
    await manager.startInstance(id);
    expect(statSync(join(folder, FILE)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(folder, FILE), 'utf8')).toContain('geheim-123');
    expect(JSON.stringify([manager.describe(id), manager.cards()])).not.toMatch(/geheim/);
    expect(manager.exportInstances()).not.toMatch(/geheim/);
    expect(manager.exportInstances({ secrets: true })).toMatch(/geheim-123[^]*hf-geheim|hf-geheim[^]*geheim-123/);
    // What is shown comes back with a change, and the secrets stay.
    await manager.updateInstance(id, { envVars: { HF_TOKEN: '[hidden]', MODE: 'x' }, apiKey: '[hidden]' });
    expect(manager.getInstance(id)?.config).toMatchObject({
      apiKey: 'geheim-123',
      envVars: { HF_TOKEN: 'hf-geheim', MODE: 'x' },
    });
  });

  test('of a damaged kind are put aside, and the last good copy is taken', async () => {
    const folder = temporaryFolder();
    const first = await loadedManager(folder);
    await first.createInstance({ name: 'One', url: (await comfy()).url });
    await first.close();
    writeFileSync(join(folder, FILE), '{"version": "1.0", "instan');
    const manager = await loadedManager(folder);
    expect(manager.listInstances().map(({ name }) => name)).toEqual(['One']);
    expect(manager.problems.join(' ')).toMatch(/no JSON.*last good copy/);
    const aside = await waitUntil(async () =>
      (await import('node:fs')).readdirSync(folder).find((name) => name.includes('damaged')),
    );
    expect(readFileSync(join(folder, aside), 'utf8')).toBe('{"version": "1.0", "instan');
    expect(JSON.parse(readFileSync(join(folder, FILE), 'utf8'))).toMatchObject({ instances: [{ name: 'One' }] });
  });

  test('with one bad entry and no copy keep the others', async () => {
    const folder = temporaryFolder();
    const good = { id: 'good', name: 'Good', port: 9_001 };
    const document = {
      version: '1.0',
      instances: [good, { id: 'bad', name: 'Bad', port: 'x' }, good],
      activeInstanceId: 'good',
    };
    writeFileSync(join(folder, FILE), JSON.stringify(document));
    const manager = await loadedManager(folder);
    expect(manager.listInstances().map(({ id }) => id)).toEqual(['good']);
    expect(manager.problems.join(' ')).toMatch(/bad: port.*good: is there twice/);
    expect(manager.getActiveInstance()?.id).toBe('good');
  });

  test('of a newer version are refused, and nothing is changed', async () => {
    const folder = temporaryFolder();
    const text = JSON.stringify({ version: '2.0', instances: [], more: 1 });
    writeFileSync(join(folder, FILE), text);
    const manager = newManager(folder);
    await expect(manager.loadInstances()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('version 2.0'),
    });
    await expect(manager.createInstance({ name: 'X', url: 'http://127.0.0.1:1' })).rejects.toThrow(/version 2\.0/);
    await expect(manager.saveInstances()).rejects.toThrow(/version 2\.0/);
    expect(readFileSync(join(folder, FILE), 'utf8')).toBe(text);
  });

  test('as the format describes them are read as they are', async () => {
    const folder = temporaryFolder();
    const instance = {
      id: 'instance_001', name: 'Primary GPU Instance', port: 8188, gpuDevice: 'cuda:0',
      envVars: { CUDA_VISIBLE_DEVICES: '0', COMFYUI_CUSTOM_NODES: '/path/to/custom/nodes' },
      customNodesPath: '/path/to/custom/nodes', maxConcurrentWorkflows: 2, timeoutMs: 300000,
      enableQueueMonitoring: true, autoStart: false, description: 'Main instance for character generation',
    }; // biome-ignore format: as in the format's description
    const document = {
      version: '1.0',
      instances: [instance],
      activeInstanceId: 'instance_001',
      lastSaved: '2024-01-17T16:00:00Z',
    };
    writeFileSync(join(folder, FILE), JSON.stringify(document));
    const manager = await loadedManager(folder);
    expect(manager.problems).toEqual([]);
    expect(manager.getActiveInstance()?.config).toEqual({ ...instance, host: 'localhost' });
  });

  test('belong to one manager at a time; who only reads along may be beside it', async () => {
    const folder = temporaryFolder();
    const double = await comfy();
    const owner = await loadedManager(folder);
    const { id } = await owner.createInstance({ name: 'One', url: double.url });
    await owner.startInstance(id);
    const follower = await loadedManager(folder, { role: 'follower', timing: { followMs: 20, saveMs: 20 } });
    await expect(follower.createInstance({ name: 'X', url: double.url })).rejects.toMatchObject({ code: 'conflict' });
    await waitUntil(() => follower.getHealthyInstance()?.id === id);
    await owner.pauseInstance(id);
    await owner.saveInstances();
    await waitUntil(() => follower.getInstance(id)?.status === 'paused');
    const two = await owner.createInstance({ name: 'Two', url: double.url });
    await waitUntil(() => follower.getInstance(two.id) !== null);
    await owner.deleteInstance(two.id);
    await waitUntil(() => follower.getInstance(two.id) === null);
  });
});

describe('export, import and migration', () => {
  test('an export goes into another folder, all or nothing, and keeps what has keys there', async () => {
    const double = await comfy();
    const one = await loadedManager(temporaryFolder());
    await one.createInstance({ id: 'a', name: 'A', url: double.url, apiKey: 'k' });
    await one.createInstance({ id: 'b', name: 'B', url: double.url });
    await one.setActiveInstance('b');
    const text = one.exportInstances();
    const two = await loadedManager(temporaryFolder());
    await two.createInstance({ id: 'a', name: 'Old A', url: double.url, apiKey: 'mine' });
    await two.importInstances(text);
    expect(two.listInstances().map(({ id, name }) => [id, name])).toEqual([
      ['a', 'A'],
      ['b', 'B'],
    ]);
    expect(two.getInstance('a')?.config.apiKey).toBe('mine');
    expect(two.getActiveInstance()?.id).toBe('b');
    await expect(two.importInstances('nonsense')).rejects.toThrow(/no JSON/);
    await expect(two.importInstances('{"version":"9.0","instances":[]}')).rejects.toMatchObject({ code: 'conflict' });
    await expect(two.importInstances('[]')).rejects.toThrow(/no export of instances/);
    const bad = JSON.stringify({
      version: '1.0',
      instances: [
        { id: 'c', name: 'C', port: 1 },
        { id: 'd', name: 'D', port: 2, envVars: { LD_PRELOAD: 'x' } },
      ],
    });
    await expect(two.importInstances(bad)).rejects.toThrow(/d\/envVars\/LD_PRELOAD must not be set/);
    expect(two.getInstance('c')).toBeNull();
  });

  test('the configuration of a single instance becomes one, once, and stays where it is', async () => {
    const folder = temporaryFolder();
    const double = await comfy();
    const single = JSON.stringify({ comfyui: { serverUrl: double.url, apiKey: 'k', timeout: 60_000 } });
    writeFileSync(join(folder, 'comfyui_config.json'), single);
    const manager = await loadedManager(folder);
    expect(manager.migration).toEqual({
      migrated: true,
      fromVersion: 'single-instance',
      toVersion: '1.0',
      instancesCreated: 1,
      errors: [],
    });
    expect(manager.getActiveInstance()?.config).toMatchObject({
      id: 'default',
      url: double.url,
      apiKey: 'k',
      timeoutMs: 60_000,
      autoStart: true,
    });
    await waitUntil(() => manager.getInstance('default')?.status === 'running');
    expect(readFileSync(join(folder, 'comfyui_config.json'), 'utf8')).toBe(single);
    await manager.close();
    const again = await loadedManager(folder);
    expect(again.migration).toBeUndefined();
    expect(again.listInstances()).toHaveLength(1);
  });

  test('a file that holds a single instance is migrated and kept; one that is no good is told', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, FILE), JSON.stringify({ host: '10.1.2.3', port: 8188 }));
    const manager = await loadedManager(folder);
    expect(manager.migration).toMatchObject({ migrated: true });
    expect(manager.getInstance('default')?.config.url).toBe('http://10.1.2.3:8188');
    expect(existsSync(join(folder, `${FILE}.single-instance`))).toBe(true);
    const other = temporaryFolder();
    writeFileSync(join(other, 'comfyui.json'), JSON.stringify({ host: 'x', port: 'many' }));
    const bad = await loadedManager(other);
    expect(bad.migration).toMatchObject({
      migrated: false,
      instancesCreated: 0,
      errors: [expect.stringContaining('port')],
    });
  });
});
