import { pino } from 'pino';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { JobTask } from '../../contract/plan.ts';
import { assignWork } from '../../workers/pool/assign-work.ts';
import { onePerQueue } from '../../workers/pool/one-per-queue.ts';
import { ConnectorHost } from '../../workers/pool/connector-host.ts';
import { withRequiredEnv } from '../../workers/pool/required-env.ts';
import { loadProcess } from '../../workers/process/load-process.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const silent = pino({ level: 'silent' });
const connector = (className: string, service: string) => `
export class ${className} {
  service_type = '${service}';
  version = '1';
  constructor(connectorId = '${service}') { this.connector_id = connectorId; this.config = { base_url: process.env.${service.toUpperCase()}_URL }; }
  static getRequiredEnvVars() { return { ${service.toUpperCase()}_KEY: '\${${service.toUpperCase()}_KEY:-}' }; }
  async initialize() {}
  async cleanup() {}
  getStatus() { return 'idle'; }
  getConfiguration() { return { ...this.config }; }
  async updateConfiguration(config) { this.config = { ...this.config, ...config }; }
  async processJob(job) { return { job_id: job.id, status: 'completed', result: this.config }; }
}
`;

let home: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  home = temporaryFolder();
  mkdirSync(join(home, 'config'));
  mkdirSync(join(home, 'mine'));
  write('mine/alpha-connector.mjs', connector('AlphaConnector', 'alpha'));
  write('mine/beta-connector.mjs', connector('BetaConnector', 'beta'));
  write('config/pools.json', '{"pools": {"quick": {"max_concurrent_jobs": 3}, "slow": {}}}');
  mapping({
    'alpha-here': { service: [{ capability: 'alpha', connector: 'AlphaConnector' }], pools: ['quick', 'slow'] },
    'beta-api': {
      service: [{ capability: ['beta', 'b'], connector: 'BetaConnector' }],
      required_env: ['BETA_KEY', 'BETA_REGION'],
      api_config: { base_url: '${BETA_BASE:-https://beta.example}', timeout: '${BETA_TIMEOUT:-30}', empty: '${NONE}' },
      max_concurrent_jobs: 2,
    },
    'alpha-gpu': {
      service: [{ capability: 'alpha-gpu', connector: 'AlphaConnector' }],
      resource_binding: 'gpu',
      ports: [8188],
    },
  });
  env = {
    SWITCHYARD_HOME: home,
    SWITCHYARD_CONNECTOR_DIRS: 'mine',
    SWITCHYARD_LOG_LEVEL: 'silent',
    CONNECTORS: 'alpha,beta',
  };
});

const write = (name: string, text: string) => writeFileSync(join(home, name), text);
const mapping = (workers: object) =>
  write(
    'config/service-mapping.json',
    JSON.stringify({ connectors: { AlphaConnector: {}, BetaConnector: {} }, workers }),
  );
const load = (more: NodeJS.ProcessEnv = {}) => loadProcess('test', { ...env, ...more });
const queues = (routes: { pool: string; capability: string; max_concurrent_jobs?: number }[]) =>
  routes.map(({ pool, capability, max_concurrent_jobs: jobs }) => `${pool}.${capability}:${jobs}`);

describe('what a worker process takes on', () => {
  test('a pool: everything in it, a lack of something is no fault', async () => {
    const { routes, strict, name } = await assignWork(await load(), { pool: 'quick' });
    expect([name, strict]).toEqual(['quick', false]);
    expect(queues(routes)).toEqual(['quick.alpha:undefined', 'quick.beta:2', 'quick.b:2', 'quick.alpha-gpu:undefined']);
  });

  test('WORKERS: these workers in all their pools, with room for the jobs of all instances', async () => {
    const work = await assignWork(await load(), { workers: ['alpha-here:2', 'beta-api'] });
    expect(queues(work.routes)).toEqual(['quick.alpha:6', 'slow.alpha:8', 'quick.beta:2', 'quick.b:2']);
    expect([work.strict, work.name, work.env]).toEqual([true, 'alpha-here+beta-api', {}]);
  });

  test('WORKERS and a pool: what the workers have in that pool', async () => {
    const base = await load();
    const { routes } = await assignWork(base, { pool: 'slow', workers: ['alpha-here', 'beta-api'] });
    expect(queues(routes)).toEqual(['slow.alpha:4']);
    await expect(assignWork(base, { pool: 'slow', workers: ['beta-api'] })).rejects.toThrow(
      /WORKERS: has nothing for pool slow\n.*quick\.beta, quick\.b/,
    );
  });

  test('one instance with a GPU and a port gets them; two need a process each', async () => {
    const base = await load({ SWITCHYARD_MOCK_GPUS: '2' });
    const { env: own } = await assignWork(base, { workers: ['alpha-gpu'] });
    expect(own).toMatchObject({ WORKER_ID: 'alpha-gpu', SWITCHYARD_SERVICE_PORTS: '8188', SWITCHYARD_MOCK_GPU: '0' });
    await expect(assignWork(base, { workers: ['alpha-gpu:2'] })).rejects.toThrow(/cannot share a process/);
  });

  test('one instance whose supervisor has planned it', async () => {
    const { routes, strict } = await assignWork(await load(), { instanceOf: 'beta-api' });
    expect([queues(routes), strict]).toEqual([['quick.beta:2', 'quick.b:2'], true]);
  });

  test.each<[object, RegExp]>([
    [{}, /--pool: is missing, and WORKERS does not say what to run\n.*quick, slow/],
    [{ pool: 'moon' }, /there is no pool "moon"/],
    [{ pool: 'moon', workers: ['beta-api'] }, /there is no pool "moon"/],
    [{ pool: 'quick', capabilities: ['gamma'] }, /pool quick has no capability "gamma"/],
    [{ workers: ['beta'] }, /there is no worker "beta"/],
    [{ instanceOf: 'beta-ap' }, /there is no worker "beta-ap".*\n.*did you mean beta-api\?/],
  ])('%j is refused', async (asked, message) => {
    await expect(assignWork(await load(), asked)).rejects.toThrow(message);
  });

  test('a queue that several connectors could serve is served by the first that has what it needs', async () => {
    mapping({
      needy: { service: [{ capability: 'alpha', connector: 'AlphaConnector' }], required_env: ['ALPHA_KEY'] },
      ready: { service: [{ capability: 'beta', connector: 'BetaConnector' }] },
    });
    const base = await load();
    const { routes } = await assignWork(base, { pool: 'quick' });
    const doubled = [...routes, { ...routes[0]!, connector: 'BetaConnector', required_env: [] }];
    const sources = { discovered: base.discovered, env: base.env, folder: home };
    const usable = onePerQueue(await withRequiredEnv(doubled, sources, silent, false));
    expect(usable.map(({ capability, connector: name }) => [capability, name])).toEqual([
      ['beta', 'BetaConnector'],
      ['alpha', 'BetaConnector'],
    ]);
  });

  test('a capability asked for by name needs one of the workers that could serve it, not all', async () => {
    mapping({
      here: { service: [{ capability: 'alpha', connector: 'AlphaConnector' }], required_env: ['ALPHA_URL'] },
    });
    const start = async (set: NodeJS.ProcessEnv) => {
      const base = await load();
      const { routes, strict } = await assignWork(base, { pool: 'quick', capabilities: ['alpha'] });
      const other = { connector: 'BetaConnector', worker_id: 'there', required_env: ['ALPHA_FOLDER'] };
      const doubled = [...routes, ...routes.map((route) => ({ ...route, ...other }))];
      const sources = { discovered: base.discovered, env: { ...base.env, ...set }, folder: home };
      return onePerQueue(await withRequiredEnv(doubled, sources, silent, strict)).map((route) => route.worker_id);
    };
    expect(await start({ ALPHA_URL: 'http://a' })).toEqual(['here']);
    expect(await start({ ALPHA_FOLDER: '/a' })).toEqual(['there']);
    const error = (await start({}).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toContain('ALPHA_URL');
    expect(error.message).not.toContain('ALPHA_FOLDER');
  });
});

describe('variables', () => {
  test('all that are missing are named at once, for all workers, with the file to put them in', async () => {
    mapping({
      'beta-api': {
        service: [{ capability: 'beta', connector: 'BetaConnector' }],
        required_env: ['BETA_KEY', 'SHARED'],
      },
      alpha: { service: [{ capability: 'alpha', connector: 'AlphaConnector' }], required_env: ['ALPHA_KEY', 'SHARED'] },
    });
    const base = await load();
    const { routes, strict } = await assignWork(base, { workers: ['alpha', 'beta-api'] });
    const sources = { discovered: base.discovered, env: base.env, folder: home };
    const error = await withRequiredEnv(routes, sources, silent, strict).catch((thrown: Error) => thrown);
    const lines = (error as Error).message.split('\n').map((line) => line.trim().replace(home, 'HOME'));
    expect(lines).toEqual([
      'The worker cannot start:',
      'ALPHA_KEY: is not set; alpha (alpha) cannot work without it',
      'write ALPHA_KEY=… into HOME/.env.alpha.local, or set it in the environment',
      'SHARED: is not set; alpha, beta-api (alpha, beta) cannot work without it',
      'write SHARED=… into HOME/.env.local, or set it in the environment',
      'BETA_KEY: is not set; beta-api (beta) cannot work without it',
      'write BETA_KEY=… into HOME/.env.beta.local, or set it in the environment',
    ]);
  });

  test('files of the families that are on are read, for connectors and for the mapping', async () => {
    write('.env.beta', 'BETA_KEY=k\nBETA_REGION=r\nBETA_TIMEOUT=5');
    write('.env.beta.local', 'BETA_BASE=http://127.0.0.1:1');
    const base = await load();
    expect(base.env).toMatchObject({ BETA_KEY: 'k', BETA_REGION: 'r' });
    expect(base.envFiles.read).toEqual(['.env.beta', '.env.beta.local']);
    expect(base.catalog.workers.get('beta-api')?.api_config).toEqual({
      base_url: 'http://127.0.0.1:1',
      timeout: 5,
      empty: '',
    });
  });

  test('api_config reaches the connector of its worker, and the connector serves the queue it is mapped to', async () => {
    const base = await load();
    const { routes } = await assignWork(base, { pool: 'quick' });
    const host = new ConnectorHost(base.discovered, silent);
    const task = (capability: string, requirements: object = {}) =>
      ({ pool: 'quick', capability, job: { requirements } }) as unknown as JobTask;
    // The plan was made where another connector came first.
    const beta = await host.forTask('AlphaConnector', task('beta'), routes);
    expect(beta.getConfiguration()).toEqual({ base_url: 'https://beta.example', timeout: 30_000, timeout_seconds: 30 });
    expect(await host.forTask('BetaConnector', task('b'), routes)).toBe(beta);
    const demanded = await host.forTask('AlphaConnector', task('beta', { connector: 'AlphaConnector' }), routes);
    expect(demanded.getConfiguration()).toEqual({ base_url: undefined });
    expect(host.states().map((state) => state.connector)).toEqual(['BetaConnector', 'AlphaConnector']);
    await host.cleanup();
  });
});

describe('CONNECTORS', () => {
  test('only these families load; what the others would do is known as off', async () => {
    write('mine/beta-connector.mjs', "throw new Error('must not be loaded')\nexport class BetaConnector {}\n");
    const base = await load({ CONNECTORS: 'alpha' });
    expect([...base.discovered.connectors.keys()]).toEqual(['AlphaConnector']);
    expect([...base.catalog.services.keys()]).toEqual(['alpha', 'alpha-gpu']);
    expect(base.catalog.off.get('beta')).toBe('beta');
    expect(base.catalog.off.get('b')).toBe('beta');
    expect(base.catalog.off.get('upscale')).toBe('upscale');
    expect(base.discovered.problems).toEqual([]);
    await expect(assignWork(base, { workers: ['beta-api'] })).rejects.toThrow(
      /"beta-api": cannot run: CONNECTORS leaves out what it needs\n.*add beta to CONNECTORS/,
    );
    await expect(assignWork(base, { pool: 'quick', capabilities: ['beta'] })).rejects.toThrow(/add beta to CONNECTORS/);
  });

  test.each([
    ['alpa', /there is no connector family "alpa"\n.*did you mean alpha\?/],
    ['BetaConnector', /"BetaConnector"\n.*it is part of beta: name that/],
    ['upscal', /did you mean upscale\?/],
  ])('%s is refused', async (names, message) => {
    await expect(load({ CONNECTORS: names })).rejects.toThrow(message);
  });
});
