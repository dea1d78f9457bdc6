import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import addFormatsModule from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Child } from '../../../bench/child.ts';
import type { InstanceView, MachineView } from '../../../contract/machine-view.ts';
import { runCommand, type Ran } from '../../cli/run-command.ts';
import { graphWith } from '../../connectors/comfyui/comfy-bench.ts';
import { compileProgram } from '../../harness/compile-program.ts';
import { ProcessStack } from '../../harness/process-stack.ts';
import { waitUntil } from '../../harness/wait-until.ts';
import { ROOT } from '../../house/repository.ts';

/** ComfyUI is the double here, as the program that the mapping names. */
const PROGRAM = compileProgram('tests/doubles/comfyui/program.ts');
const SERVICE = (connector: string) => [{ capability: 'comfyui', connector, type: 'internal' }];

const DOCUMENT = 'https://switchyard.test/openapi.json';

let stack: ProcessStack;
let machine: Child;

beforeAll(async () => {
  stack = await ProcessStack.start({ CONNECTORS: 'comfyui', COMFYUI_POLL_SECONDS: '0.2' });
  const config = join(stack.dataDir, 'config');
  const services = join(stack.dataDir, 'services');
  mkdirSync(config);
  mkdirSync(join(services, 'comfyui-local'), { recursive: true });
  writeFileSync(join(config, 'pools.json'), readFileSync(join(ROOT, 'config/pools.json')));
  writeFileSync(join(config, 'service-mapping.json'), JSON.stringify(mapping()));
  Object.assign(stack.env, {
    SWITCHYARD_CONFIG_DIR: config,
    SWITCHYARD_SERVICES_DIR: services,
    SWITCHYARD_SERVICE_ROOTS: dirname(PROGRAM),
    XDG_CONFIG_HOME: join(stack.dataDir, 'home'),
  });
  await stack.server();
  described = (await (await fetch(`${stack.api}/api/openapi.json`)).json()) as typeof described;
  ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormatsModule as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema(described, DOCUMENT);
  machine = await stack.machine(['--id', 'box1', '--workers', 'comfyui-instances', '--mock-gpus', '2']);
  await waitUntil(async () => {
    const response = await fetch(`${stack.api}/api/machines/box1`);
    return response.ok && ((await response.json()) as MachineView).presence === 'alive';
  });
});
afterAll(async () => {
  await machine?.stop();
  await stack?.stop();
});

function mapping() {
  return {
    connectors: { ComfyUILocalConnector: {}, ComfyUIInstancesConnector: {} },
    workers: {
      'comfyui-local': {
        service: SERVICE('ComfyUILocalConnector'),
        pools: ['heavy'],
        installer: 'comfyui',
        resource_binding: 'gpu',
        installer_config: { install: [], cwd: '.', command: ['node', PROGRAM, '--port', '{port}'] },
      },
      'comfyui-instances': {
        service: SERVICE('ComfyUIInstancesConnector'),
        pools: ['standard'],
        resource_binding: 'shared',
        required_env: ['SWITCHYARD_INSTANCES_DIR'],
        max_concurrent_jobs: 4,
      },
    },
  };
}

const run = (...args: string[]): Promise<Ran> =>
  runCommand(['instances', ...args], {
    cwd: stack.dataDir,
    env: { ...stack.env, SWITCHYARD_URL: stack.api },
  });

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await run(...args, '--json');
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Each answer is held against the API's own description. */
async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(`${stack.api}/api/instances${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  const { status, headers } = response;
  if (status !== 405)
    expect({ method, path, mistakes: mistakesOf(method, path, status, answer) }).toEqual({ method, path });
  return { status, headers, body: answer };
}

type Operations = Record<string, Record<string, { responses: Record<string, { content: object }> }>>;
let described: { paths: Operations };
let ajv: Ajv2020;

function mistakesOf(method: string, path: string, status: number, answer: unknown): unknown {
  const segments = ['instances', ...path.split('?')[0]!.split('/').filter(Boolean)];
  const fits = (template: string) => {
    const parts = template.split('/').slice(1);
    return parts.length === segments.length && parts.every((part, at) => part.startsWith('{') || part === segments[at]);
  };
  const literal = (template: string) => template.split('/').filter((part) => !part.startsWith('{')).length;
  const [template] = Object.keys(described.paths)
    .filter((one) => fits(one) && described.paths[one]![method.toLowerCase()])
    .toSorted((x, y) => literal(y) - literal(x));
  const content = described.paths[template ?? '']?.[method.toLowerCase()]?.responses[status]?.content;
  if (!content) return `${method} ${template} answers ${status}, which is not described`;
  const [type = ''] = Object.keys(content);
  const at = ['paths', template!, method.toLowerCase(), 'responses', String(status), 'content', type, 'schema'];
  const pointer = at.map((one) => encodeURIComponent(one.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
  const validate = ajv.getSchema(`${DOCUMENT}#/${pointer}`)!;
  return validate(answer) ? undefined : validate.errors;
}

async function untilListed(wanted: (instances: InstanceView[]) => boolean): Promise<InstanceView[]> {
  return waitUntil(async () => {
    const { instances } = (await call('GET', '')).body as unknown as { instances: InstanceView[] };
    return wanted(instances) && instances;
  });
}

const kept = () => readFileSync(join(stack.dataDir, 'home', 'switchyard', 'comfyui_instances.json'), 'utf8');

describe('the instances of a machine, from anywhere', () => {
  test('are made, started together, listed with their health, and do a job', async () => {
    expect((await run('create', 'Portraits', '--gpu', 'cuda:0')).stdout).toBe('instance_001\n');
    const made = await call('POST', '/box1', { name: 'Landscapes', gpuDevice: '1' });
    expect(made).toMatchObject({ status: 201, body: { id: 'instance_002', status: 'stopped' } });
    expect(made.headers.get('location')).toMatch(/\/api\/instances\/box1\/instance_002$/);

    const started = await json<{ instances: { id: string }[]; failed: unknown[] }>('start', '--all');
    expect(started.instances.map(({ id }) => id)).toEqual(['instance_001', 'instance_002']);
    expect(started.failed).toEqual([]);
    const listed = await untilListed((all) => all.filter(({ status }) => status === 'running').length === 2);
    expect(listed).toMatchObject([
      { machine: 'box1', presence: 'alive', id: 'instance_001', health: 'healthy', gpus: [0] },
      { machine: 'box1', id: 'instance_002', health: 'healthy', gpus: [1] },
    ]);
    expect((await run()).stdout).toMatch(/instance_001 +Portraits +box1 +running +healthy/);
    expect((await run('get', 'instance_002')).stdout).toMatch(/Status +running[\s\S]*Health +healthy/);
    expect((await run('use', 'instance_002')).code).toBe(0);
    expect((await call('GET', '/box1/instance_002?full=true')).body).toMatchObject({
      machine: 'box1',
      details: { active: true, config: { gpuDevice: '1' }, stats: { totalWorkflows: 0 } },
    });

    // The least loaded one: the other takes no jobs.
    expect((await run('pause', 'instance_001')).stderr).toMatch(/instance_001 is paused/);
    const job = await stack.submit({ service: 'comfyui', payload: { workflow: graphWith() } });
    const done = await stack.ended(job.id);
    expect(done).toMatchObject({ status: 'completed', result: { instance_id: 'instance_002' } });
    await waitUntil(async () => {
      const { stats } = await json<{ stats: { successfulWorkflows: number } }>('history', 'instance_002');
      return stats.successfulWorkflows === 1;
    });
    expect((await call('GET', '/box1/instance_002/health')).body).toMatchObject({ health: { status: 'healthy' } });
    expect((await call('GET', '/box1/instance_002/history')).body).toMatchObject({
      workflows: [{ outcome: 'completed' }],
    });
    expect((await call('POST', '/box1/resume', { all: true })).body).toMatchObject({
      instances: [{ id: 'instance_001' }],
    });
    expect((await call('POST', '/box1/instance_001/pause')).body).toMatchObject({ status: 'paused' });
    await untilListed((all) => all[0]?.status === 'paused');
    const paused = (await call('GET', '?status=paused&machine=box1')).body as unknown as { instances: InstanceView[] };
    expect(paused.instances.map(({ id }) => id)).toEqual(['instance_001']);
  });

  test('are exported, changed, deleted and brought back by an import', async () => {
    expect((await run('export', '--out', 'kept.json')).code).toBe(0);
    const text = readFileSync(join(stack.dataDir, 'kept.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({
      version: '1.0',
      instances: [{ name: 'Portraits' }, { name: 'Landscapes' }],
    });
    const changed = await call('PATCH', '/box1/instance_001', { maxConcurrentWorkflows: 3 });
    expect(changed).toMatchObject({ status: 200, body: { config: { maxConcurrentWorkflows: 3 } } });
    expect((await call('POST', '/box1/export')).body['instances']).toHaveLength(2);
    expect((await run('delete', 'instance_001', '--yes')).stderr).toMatch(/instance_001 is deleted/);
    await untilListed((all) => all.length === 1);

    const before = kept();
    writeFileSync(join(stack.dataDir, 'torn.json'), text.slice(0, -20));
    expect(await run('import', 'torn.json')).toMatchObject({ code: 2, stderr: expect.stringMatching(/not JSON/) });
    writeFileSync(join(stack.dataDir, 'newer.json'), text.replace('"1.0"', '"9.0"'));
    expect(await run('import', 'newer.json')).toMatchObject({ code: 1, stderr: expect.stringMatching(/newer|9\.0/) });
    const half = { ...(JSON.parse(text) as object), instances: [{ id: 'x', name: 'X', port: 'many' }] };
    expect(await call('POST', '/box1/import', half)).toMatchObject({ status: 422, body: { code: 'validation' } });
    expect(kept()).toBe(before);

    expect((await run('import', 'kept.json')).stderr).toMatch(/2 instances now/);
    const back = await untilListed((all) => all.length === 2);
    expect(back.find(({ id }) => id === 'instance_001')).toMatchObject({ status: 'stopped', max_jobs: 1 });
  });

  test('a configuration of a single ComfyUI becomes an instance', async () => {
    const [{ url }] = (await untilListed((all) => all.some(({ status }) => status === 'running'))).filter(
      ({ status }) => status === 'running',
    ) as [InstanceView];
    writeFileSync(join(stack.dataDir, 'single.json'), JSON.stringify({ comfyui: { endpoint: url } }));
    const migrated = await json('migrate', 'single.json');
    expect(migrated).toMatchObject({ migrated: true, toVersion: '1.0', instancesCreated: 1, errors: [] });
    expect((await call('POST', '/box1/default/start')).body).toMatchObject({ status: 'running', managed: false });
    expect(await call('DELETE', '/box1/default')).toMatchObject({
      status: 200,
      body: { id: 'default', deleted: true },
    });
  });
});

describe('what cannot be is refused, and nothing is changed', () => {
  let stranger: Server;
  let web: ReturnType<typeof createHttpServer>;
  beforeAll(async () => {
    stranger = createServer().listen(0, '127.0.0.1');
    web = createHttpServer((_req, res) => res.end('hello')).listen(0, '127.0.0.1');
    await Promise.all([once(stranger, 'listening'), once(web, 'listening')]);
  });
  afterAll(async () => {
    await Promise.all([stranger, web].map((server) => new Promise((resolve) => server.close(resolve))));
  });

  test('bad configurations', async () => {
    const before = kept();
    const port = (server: { address(): AddressInfo | string | null }) => (server.address() as AddressInfo).port;
    const cases: [object, number, RegExp][] = [
      [{ name: 'Web', url: `http://127.0.0.1:${port(web)}` }, 422, /no ComfyUI/],
      [{ name: 'Cloud', url: 'http://169.254.169.254/latest' }, 422, /169\.254\.169\.254, where no instance may be/],
      [{ name: 'Taken', port: port(stranger) }, 409, /port/],
      [{ name: 'Far', gpuDevice: 'cuda:7' }, 422, /GPU that is not there/],
      [{ name: '' }, 422, /name/],
      [{ name: 'Odd', colour: 'red' }, 422, /colour/],
      [{ name: 'Env', envVars: { LD_PRELOAD: '/x.so' } }, 422, /LD_PRELOAD/],
    ];
    for (const [config, status, why] of cases) {
      const { body, status: answered } = await call('POST', '/box1', config);
      expect({ config, answered, detail: body['detail'] }).toEqual({
        config,
        answered: status,
        detail: expect.stringMatching(why),
      });
    }
    const cloud = await call('POST', '/box1', { name: 'Cloud', url: 'http://169.254.169.254/latest' });
    expect(cloud.body).toMatchObject({ code: 'validation', errors: [{ pointer: '/url' }] });
    expect(await run('create', 'Far', '--gpu', 'cuda:7')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/gpuDevice names a GPU that is not there/),
    });
    expect(kept()).toBe(before);
  });

  test('unknown instances and machines; of several none is touched', async () => {
    expect((await call('POST', '/box1/stop', { ids: ['instance_002', 'nope'] })).status).toBe(404);
    expect((await call('GET', '/box1/instance_002')).body).toMatchObject({ status: 'running' });
    expect((await run('start', 'nope')).code).toBe(6);
    for (const [method, path] of [
      ['GET', '/nobody/x'],
      ['POST', '/nobody/x/start'],
      ['GET', '?machine=nobody'],
      ['DELETE', '/box1/nope'],
      ['GET', '/box1/nope'],
    ] as const)
      expect({ method, path, ...(await call(method, path)) }).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      });
    expect((await call('GET', '?status=asleep')).status).toBe(422);
    expect((await call('PUT', '/box1/instance_002')).status).toBe(405);
  });

  test('a machine that is away is answered at once', async () => {
    await machine.stop();
    await waitUntil(async () => (await call('POST', '/box1/instance_002/start')).status === 503);
    const refused = await call('POST', '/box1', { name: 'Late' });
    expect(refused).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
    expect(await run('start', 'instance_002')).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/box1 is away/),
    });
    // A list is put together from what was read a moment ago.
    await waitUntil(async () => /instance_002 +Landscapes +box1 +machine left/.test((await run('list')).stdout));
  });
});
