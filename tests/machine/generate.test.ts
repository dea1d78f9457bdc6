import { createRequire } from 'node:module';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { composeFile, CONTAINER_SERVICES } from '../../cli/commands/generate/compose-file.ts';
import { machinePlan } from '../../cli/commands/generate/machine-plan.ts';
import { pm2File } from '../../cli/commands/generate/pm2-file.ts';
import { ROOT } from '../house/repository.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const MAPPING = {
  connectors: { SimulationConnector: {} },
  workers: {
    painter: {
      service: [{ capability: 'simulation', connector: 'SimulationConnector', type: 'internal' }],
      pools: ['standard'],
      installer: 'http',
      resource_binding: 'gpu',
      build_stage: 'comfyui',
      ports: [8500],
      required_env: ['PAINTER_KEY'],
      installer_config: {
        command: ['node', 'server.mjs', '--port', '{port}', '--price', '5$', '--say', 'it\'s "fine"'],
        env: { MODE: 'fast' },
        worker_env: { PAINTER_URL: 'http://{host}:{port}' },
        pass_env: ['HF_TOKEN'],
        max_memory_mb: 2048,
        restart: { max: 3 },
      },
    },
    plain: { service: [{ capability: 'echo', connector: 'SimulationConnector' }], pools: ['standard'] },
  },
};

/** A configuration folder of its own. */
function site(): { folder: string; env: NodeJS.ProcessEnv } {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'config'));
  writeFileSync(join(folder, 'config', 'service-mapping.json'), JSON.stringify(MAPPING));
  writeFileSync(join(folder, 'config', 'pools.json'), readFileSync(join(ROOT, 'config/pools.json')));
  return {
    folder,
    env: { PATH: process.env['PATH'], SWITCHYARD_HOME: folder, PAINTER_KEY: 'c4nary', HF_TOKEN: 'c4nary' },
  };
}

const WORKERS = ['painter:auto', 'plain:1'];

describe('a PM2 ecosystem file', () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env = { ...before };
  });

  async function load() {
    const { folder, env } = site();
    const plan = await machinePlan({ env, workers: WORKERS, mockGpus: 2 });
    const text = pm2File(plan, { workerModule: '/switchyard/dist/workers/pool-main.js', cwd: '/switchyard' });
    const file = join(folder, 'ecosystem.config.cjs');
    writeFileSync(file, text);
    const { apps } = createRequire(import.meta.url)(file) as { apps: Record<string, unknown>[] };
    return { folder, text, apps };
  }

  test('runs each service on its device and port, and each worker beside it', async () => {
    const { apps, folder } = await load();
    expect(apps.map(({ name }) => name)).toEqual([
      'painter-gpu0',
      'painter-gpu1',
      'worker-painter-1',
      'worker-painter-2',
      'worker-plain',
    ]);
    expect(apps[1]).toMatchObject({
      script: 'node',
      interpreter: 'none',
      args: ['server.mjs', '--port', '8501', '--price', '5$', '--say', 'it\'s "fine"'],
      cwd: join(folder, '.switchyard/services/painter'),
      max_restarts: 3,
      max_memory_restart: '2048M',
      kill_timeout: 10_000,
    });
    expect(apps[3]).toMatchObject({
      args: ['--instance-of', 'painter'],
      cwd: '/switchyard',
      env: { SWITCHYARD_SERVICE_PORTS: '8501', PAINTER_URL: 'http://127.0.0.1:8501' },
    });
    expect(existsSync(join(folder, '.switchyard/services/data/painter-gpu1'))).toBe(true);
  });

  test('gives services the allow-list, and holds no secret', async () => {
    process.env['OPENAI_API_KEY'] = 'other';
    process.env['HF_TOKEN'] = 'handed on';
    const { apps, text } = await load();
    expect(text).not.toContain('c4nary');
    expect(apps[0]?.['env']).toMatchObject({
      MODE: 'fast',
      HF_TOKEN: 'handed on',
      PATH: process.env['PATH'],
      SWITCHYARD_MOCK_GPU: '0',
    });
    expect(apps[0]?.['env']).not.toHaveProperty('OPENAI_API_KEY');
    expect(apps[0]?.['filter_env']).toEqual(['']);
  });
});

interface GpuService {
  deploy: { resources: { reservations: { devices: unknown[] } } };
  environment: Record<string, string>;
}

describe('a compose file', () => {
  async function generate() {
    const plan = await machinePlan({
      env: site().env,
      workers: WORKERS,
      mockGpus: 2,
      paths: { servicesDir: CONTAINER_SERVICES, roots: [] },
    });
    return { plan, text: composeFile(plan) };
  }

  test('has a container for each service and worker, in one profile', async () => {
    const { text } = await generate();
    const { services } = parse(text) as { services: Record<string, unknown> };
    expect(Object.keys(services)).toEqual([
      'painter-gpu0',
      'painter-gpu1',
      'worker-painter-1',
      'worker-painter-2',
      'worker-plain',
    ]);
    expect(services['painter-gpu1']).toMatchObject({
      image: 'switchyard-comfyui',
      build: { target: 'comfyui' },
      profiles: ['machine'],
      command: ['node', 'server.mjs', '--port', '8501', '--price', '5$$', '--say', 'it\'s "fine"'],
      working_dir: '/data/services/painter',
      environment: { MODE: 'fast', HF_TOKEN: null, SWITCHYARD_MOCK_GPU: '1' },
      restart: 'on-failure:3',
      mem_limit: 2048 * 1024 * 1024,
      healthcheck: { interval: '15s', retries: 4 },
    });
    expect(services['worker-painter-2']).toMatchObject({
      network_mode: 'service:painter-gpu1',
      environment: { TEMPORAL_ADDRESS: 'temporal:7233', PAINTER_KEY: null, SWITCHYARD_SERVICE_PORTS: '8501' },
    });
    expect(services['worker-plain']).not.toHaveProperty('network_mode');
    expect(text).not.toContain('c4nary');
  });

  test('reserves the GPU of a service, which is the first in its container', async () => {
    const { plan } = await generate();
    const [first] = plan.services.instances;
    const gpu = { ...first!.gpu!, vendor: 'nvidia' as const, device: '3' };
    const env = { ...first!.env, CUDA_VISIBLE_DEVICES: '3', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };
    const changed = { ...plan, services: { ...plan.services, instances: [{ ...first!, gpu, env }] } };
    const service = (parse(composeFile(changed)) as { services: Record<string, GpuService> }).services['painter-gpu0']!;
    expect(service.deploy.resources.reservations.devices).toEqual([
      { driver: 'nvidia', device_ids: ['3'], capabilities: ['gpu'] },
    ]);
    expect(service.environment).not.toHaveProperty('CUDA_VISIBLE_DEVICES');
  });

  // compose-spec.json of github.com/compose-spec/compose-spec, where somebody has it.
  const schema = process.env['SWITCHYARD_TEST_COMPOSE_SCHEMA'];
  (schema === undefined ? test.skip : test)('is valid by the schema of the Compose Specification', async () => {
    const { $schema: _draft, ...specification } = JSON.parse(readFileSync(schema as string, 'utf8')) as Record<
      string,
      unknown
    >;
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(specification);
    const document: unknown = parse((await generate()).text);
    expect({ valid: validate(document), errors: validate.errors }).toEqual({ valid: true, errors: null });
    expect(validate({ services: { x: { imagee: 'y' } } })).toBe(false);
  });
});

test('nothing to run, and what cannot run here, is said by name', async () => {
  const { env } = site();
  await expect(machinePlan({ env })).rejects.toThrow(/WORKERS: does not say what runs on the machine/);
  await expect(machinePlan({ env, workers: ['paintr:1'] })).rejects.toThrow(
    /no worker "paintr"[^]*did you mean painter/,
  );
  await expect(machinePlan({ env, workers: ['painter:3'], mockGpus: 2 })).rejects.toThrow(/this machine has 2/);
});
