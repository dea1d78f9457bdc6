import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { GpuFacts } from '../../contract/machine-facts.ts';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import type { Catalog } from '../../platform/catalog/catalog.ts';
import { type ResourceBinding, workerEntrySchema } from '../../platform/catalog/service-mapping.schema.ts';
import { ConfigError } from '../../platform/config/config-error.ts';
import { detectGpus } from '../../platform/machine/detect-gpus.ts';
import { planWorkers } from '../../platform/machine/plan-workers.ts';
import { hasProgram, planServices } from '../../workers/machine/services/plan-services.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { AMD, NVIDIA, recorded } from './recorded.ts';

const SERVICE = [{ capability: 'thing', connector: 'ThingConnector', type: 'internal' }];
/** What the capability of the worker leads to; planning wants a queue for each worker. */
const SERVICES = new Map([
  [
    'thing',
    {
      name: 'thing',
      manifest: { service: 'thing', connectors: ['ThingConnector'] } as unknown as ServiceManifest,
      type: 'internal' as const,
      routes: [{ pool: 'standard', capability: 'thing', connector: 'ThingConnector', worker_id: 'thing' }],
    },
  ],
]);
const COMMAND = ['thing', '--port', '{port}'];

interface Bench {
  gpus?: GpuFacts[];
  instances?: number;
  bindings?: Map<string, ResourceBinding>;
  dir?: string;
  roots?: string[];
}

/** Plans one worker that is written as the mapping would. */
function plan(
  worker: Record<string, unknown>,
  { gpus = [], instances, bindings = new Map(), dir, roots = [] }: Bench = {},
) {
  const entry = workerEntrySchema.parse({ service: SERVICE, ...worker });
  const entries = new Map([['thing', entry]]);
  const catalog: Catalog = { services: SERVICES, pools: new Map(), workers: entries, bindings, off: new Map() };
  const planned = planWorkers(catalog, [{ workerId: 'thing', count: instances ?? 'auto' }], { gpus });
  return planServices({ planned, entries, gpus, paths: { servicesDir: dir ?? '/srv/services', roots } });
}

function problems(...args: Parameters<typeof plan>): string[] {
  try {
    plan(...args);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ name, problem }) => `${name} ${problem}`);
    throw error;
  }
  return [];
}

const devices = async (answers: Parameters<typeof recorded>[0], mockGpus = 0) =>
  (await detectGpus({ run: recorded(answers), platform: 'linux', mockGpus })).gpus;

describe('instances of a program', () => {
  test('one per GPU, each with its port, its device and no other', async () => {
    const gpus = await devices({ nvidia: NVIDIA.twoCards });
    const { instances } = plan(
      {
        resource_binding: 'gpu',
        ports: [8188, 9000],
        port_increment: 10,
        installer_config: { command: [...COMMAND, '{port2}', '{gpu}'] },
      },
      { gpus },
    );
    expect(instances.map(({ name, ports, command, env }) => ({ name, ports, command, env }))).toEqual([
      {
        name: 'thing-gpu0',
        ports: [8188, 9000],
        command: ['thing', '--port', '8188', '9000', '0'],
        env: { CUDA_VISIBLE_DEVICES: '0', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' },
      },
      {
        name: 'thing-gpu1',
        ports: [8198, 9010],
        command: ['thing', '--port', '8198', '9010', '1'],
        env: { CUDA_VISIBLE_DEVICES: '1', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' },
      },
    ]);
    expect(instances[0]).toMatchObject({
      ready: { kind: 'tcp', port: 8188 },
      liveness: { probe: { kind: 'tcp', port: 8188 } },
    });
  });

  test('several per GPU, on slices, on chosen ones, on AMD, on pretended ones', async () => {
    const worker = {
      resource_binding: 'gpu',
      ports: ['8000'],
      service_instances_per_gpu: '2',
      installer_config: { command: COMMAND },
    };
    const two = await devices({ nvidia: NVIDIA.twoCards });
    expect(plan(worker, { gpus: two }).instances.map(({ name, ports }) => [name, ...ports])).toEqual([
      ['thing-gpu0', 8000],
      ['thing-gpu0-1', 8001],
      ['thing-gpu1', 8002],
      ['thing-gpu1-1', 8003],
    ]);
    const one = { ...worker, service_instances_per_gpu: 1 };
    const slices = await devices({ nvidia: NVIDIA.mig, nvidiaList: NVIDIA.migList });
    expect(plan(one, { gpus: slices }).instances[0]?.env['CUDA_VISIBLE_DEVICES']).toBe(
      'MIG-ce861fb0-a248-58ce-a9a8-f9adbc22a66a',
    );
    expect(plan(one, { gpus: await devices({ amd: AMD.instinct }) }).instances[1]?.env).toEqual({
      ROCR_VISIBLE_DEVICES: '1',
    });
    expect(plan(one, { gpus: await devices({}, 2) }).instances[1]?.env).toEqual({
      CUDA_VISIBLE_DEVICES: '-1',
      HIP_VISIBLE_DEVICES: '-1',
      SWITCHYARD_MOCK_GPU: '1',
    });
  });

  test("on the CPU one, or as many as are asked for; of a binding of one's own one per unit", () => {
    const worker = { resource_binding: 'cpu', ports: [8000], installer_config: { command: COMMAND } };
    expect(plan(worker).instances.map(({ name }) => name)).toEqual(['thing']);
    expect(plan(worker).instances[0]?.env).toEqual({ CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1' });
    expect(plan(worker, { instances: 3 }).instances.map(({ ports }) => ports[0])).toEqual([8000, 8001, 8002]);
    const bindings = new Map([['licence', { units: 2, device_env: 'SEAT' }]]);
    expect(
      plan({ ...worker, resource_binding: 'licence' }, { bindings }).instances.map(({ env }) => env['SEAT']),
    ).toEqual(['0', '1']);
  });

  test('that are only a library, or are elsewhere, are no program', () => {
    const entry = (more: object) => workerEntrySchema.parse({ service: SERVICE, ...more });
    expect(hasProgram(entry({ installer: null }))).toBe(false);
    expect(hasProgram(entry({ installer: 'comfyui' }))).toBe(true);
    expect(plan({})).toEqual({ installs: [], instances: [] });
  });

  test('ComfyUI comes ready-made', async () => {
    const gpus = await devices({}, 2);
    const { installs, instances } = plan(
      { resource_binding: 'gpu', installer: 'comfyui', installer_config: { args: ['--lowvram'] } },
      { gpus },
    );
    expect(installs).toMatchObject([
      {
        dir: '/srv/services/thing',
        steps: [{ git: { into: 'source' } }, { venv: { requirements: ['source/requirements.txt'] } }],
      },
    ]);
    expect(instances.map(({ ports }) => ports)).toEqual([[8188], [8189]]);
    expect(instances[1]).toMatchObject({
      cwd: '/srv/services/thing/source',
      ready: { kind: 'http', port: 8189, path: '/system_stats' },
      workerEnv: { COMFYUI_URL: 'http://127.0.0.1:8189', COMFYUI_DIR: '/srv/services/thing/source' },
      folders: expect.arrayContaining(['/srv/services/data/thing-gpu1/output']),
    });
    expect(instances[1]?.command.slice(0, 6)).toEqual([
      '/srv/services/thing/venv/bin/python',
      'main.py',
      '--listen',
      '127.0.0.1',
      '--port',
      '8189',
    ]);
    expect(instances[1]?.command.slice(-2)).toEqual(['--lowvram', '--cpu']);
  });

  test('a plain HTTP program comes ready-made', () => {
    const { instances } = plan({
      installer: 'http',
      ports: [8080],
      installer_config: { command: COMMAND, health_path: '/ok' },
    });
    expect(instances).toMatchObject([
      { ready: { kind: 'http', path: '/ok', port: 8080 }, liveness: { probe: { path: '/ok' } } },
    ]);
  });

  test('the words of the creation guide', () => {
    const config = {
      install_command: './install.sh --fast',
      config_path: 'conf/thing.toml',
      install_timeout: '300',
      command: ['thing', '{config_path}'],
    };
    const { installs, instances } = plan({ installer: 'installThing', installer_config: config });
    expect(installs).toMatchObject([{ timeoutMs: 300_000, steps: [{ run: ['./install.sh', '--fast'] }] }]);
    expect(instances[0]?.command).toEqual(['thing', '/srv/services/thing/conf/thing.toml']);
  });
});

describe('refused, by name and at once', () => {
  const config = (more: object) => ({ installer_config: { command: ['thing'], ...more } });

  test('a GPU that is not there', async () => {
    const gpus = await devices({ nvidia: NVIDIA.twoCards });
    const bound = { resource_binding: 'gpu', ports: [1], ...config({}) };
    expect(problems(bound, { gpus, instances: 3 })[0]).toMatch(/needs 3 of "gpu".*this machine has 2/);
    expect(problems(bound)[0]).toMatch(/needs 1 of "gpu".*this machine has 0/);
  });

  test('ports that meet, and ports of what comes ready-made that lead too far', async () => {
    const gpus = await devices({}, 2);
    expect(problems({ ports: [8000, 8001], ...config({}) }, { instances: 2 })[0]).toContain('port 8001');
    const far = { resource_binding: 'gpu', installer: 'comfyui', port_increment: 10_000 };
    expect(problems(far, { gpus: await devices({}, 7) })).toEqual([
      'workers.thing.ports leads to port 68188 for thing-gpu6',
    ]);
    expect(problems(far, { gpus })).toEqual([]);
  });

  test('paths that lead out of the allowed folders, by dots, by name and by link', () => {
    const dir = temporaryFolder();
    mkdirSync(join(dir, 'thing'));
    symlinkSync('/etc', join(dir, 'thing', 'link'));
    const outside = 'leads outside of the allowed folders';
    const at = 'workers.thing.installer_config';
    expect(problems(config({ dir: '../x' }), { dir })).toContain(`${at}.dir ${outside}`);
    expect(problems(config({ cwd: '/etc' }), { dir })).toEqual([`${at}.cwd ${outside}`]);
    expect(problems(config({ cwd: 'link/ssh' }), { dir })).toEqual([`${at}.cwd ${outside}`]);
    expect(problems(config({ folders: ['{data}/../../../x'] }), { dir })).toEqual([`${at}.folders.0 ${outside}`]);
    expect(problems(config({ command: ['/usr/bin/thing'] }), { dir })).toEqual([`${at}.command.0 ${outside}`]);
    expect(
      problems(config({ install: [{ git: { url: 'https://example.org/x', commit: 'v1', into: '/opt' } }] }), { dir }),
    ).toEqual([`${at}.install.0.git.into ${outside}`]);
    expect(problems(config({ cwd: '/opt/thing', dir: '/opt/thing' }), { dir, roots: ['/opt'] })).toEqual([]);
  });

  test('variables that must not be set, without their values', () => {
    const env = {
      LD_PRELOAD: '/x.so',
      NODE_OPTIONS: '--require x',
      PATH: '/evil',
      'A B': '1',
      CUDA_VISIBLE_DEVICES: '3',
      SWITCHYARD_PORT: '1',
      FINE: 's3cret',
    };
    const found = problems(config({ env, pass_env: ['TEMPORAL_API_KEY', 'HF_TOKEN'] }));
    expect(found.map((line) => line.split(' must')[0]?.split(' is no')[0])).toEqual([
      'workers.thing.installer_config.env.LD_PRELOAD',
      'workers.thing.installer_config.env.NODE_OPTIONS',
      'workers.thing.installer_config.env.PATH',
      'workers.thing.installer_config.env.A B',
      'workers.thing.installer_config.env.CUDA_VISIBLE_DEVICES',
      'workers.thing.installer_config.env.SWITCHYARD_PORT',
      'workers.thing.installer_config.pass_env.TEMPORAL_API_KEY',
    ]);
    expect(found.join()).not.toContain('evil');
  });

  test('sources and packages that would do more than they say', () => {
    const git = (url: string, commit = 'v1') => problems(config({ install: [{ git: { url, commit } }] }));
    expect(git('ext::sh -c id')[0]).toContain('is no https, ssh or file address');
    expect(git('https://example.org/x', '--upload-pack=id')[0]).toContain('is no commit and no tag');
    expect(problems(config({ install: [{ venv: { packages: ['--index-url=http://evil'] } }] }))[0]).toContain(
      'is an option, no package',
    );
  });

  test('keys, words and probes that mean nothing', () => {
    expect(problems(config({ comand: [] }))).toEqual(['workers.thing.installer_config.comand is no known key']);
    expect(problems(config({ command: ['thing', '{prot}'] }))[0]).toMatch(
      /command\.1 holds \{prot\}, which stands for nothing; there are .*\{dir\}/,
    );
    expect(problems(config({ ready: { http: '/x' } }))).toEqual([
      'workers.thing.installer_config.ready has no port to ask',
    ]);
    expect(problems(config({ ready: { log: '(' } }))[0]).toContain('is no regular expression');
    expect(problems({ installer: 'nothing-known' })[0]).toContain('neither installs nor runs anything');
  });
});
