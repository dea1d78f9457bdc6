import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CommandHandlers } from '../../activities/machine/machine-command.ts';
import type { InstanceCard } from '../../contract/machine-card.ts';
import { ApiFixture } from '../api/api-fixture.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { pretendMachine } from '../machine/pretended-machine.ts';
import { runCommand, type Ran } from './run-command.ts';

const cwd = mkdtempSync(join(tmpdir(), 'switchyard-cli-'));
const ended: (() => Promise<void>)[] = [];
let api: ApiFixture;
let told: { machine: string; kind: string; args: Record<string, unknown> }[] = [];

function card(id: string, status: InstanceCard['status'] = 'running'): InstanceCard {
  const url = 'http://127.0.0.1:8188';
  return {
    id,
    name: `Name of ${id}`,
    url,
    status,
    health: 'healthy',
    gpus: [0],
    active_jobs: 0,
    max_jobs: 2,
    active: false,
  };
}

class Refusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const EXPORT = {
  version: '1.0',
  instances: [{ id: 'a' }],
  activeInstanceId: null,
  lastSaved: '2026-01-01T00:00:00.000Z',
};

/** A machine that only notes down what it is told. */
async function machine(id: string, instances: InstanceCard[]) {
  const note =
    (kind: string, answer: (args: Record<string, unknown>) => unknown) => async (args: Record<string, unknown>) => {
      told.push({ machine: id, kind, args });
      return answer(args);
    };
  const state = (args: Record<string, unknown>) =>
    'id' in args ? { id: args['id'], status: 'stopped' } : { instances: [{ id: 'a', status: 'stopped' }], failed: [] };
  const handlers: CommandHandlers = {
    'instance.create': note('create', ({ config }) => {
      const { name, port } = config as { name?: string; port?: number };
      if (port === 1) throw new Refusal('conflict', 'Port 1 is taken by process 7');
      return { id: 'made', name, url: 'http://127.0.0.1:1', status: 'stopped' };
    }),
    'instance.update': note('update', ({ id: one }) => ({ id: one })),
    'instance.delete': note('delete', ({ id: one }) => ({ id: one, deleted: true })),
    'instance.stop': note('stop', state),
    'instance.start': note('start', () => ({
      instances: [{ id: 'a', status: 'running' }],
      failed: [{ id: 'b', code: 'conflict', message: 'Port 8188 is in use' }],
    })),
    'instance.export': note('export', ({ secrets }) => (secrets ? { file: '/kept/there.json' } : EXPORT)),
    'instance.import': note('import', () => ({ instances: [{ id: 'a', name: 'A' }] })),
    'instance.list': note('list', () => ({ instances: [] })),
  };
  const { address } = api.stack.temporal;
  const boot = { boot_id: 'a', hostname: 'here', version: '0' };
  const pretended = await pretendMachine({ address, id, boot, handlers, instances });
  ended.push(pretended.stop);
  await pretended.announcer.announce();
  await waitUntil(async () => {
    const response = await api.fetch(`/api/machines/${id}`);
    return response.ok && ((await response.json()) as { card?: unknown }).card !== undefined;
  });
}

const run = (...args: string[]): Promise<Ran> =>
  runCommand(['instances', ...args], { cwd, env: { SWITCHYARD_URL: api.url } });

beforeAll(async () => {
  api = await ApiFixture.start({ pools: [] });
  await machine('one', [card('a'), card('b', 'stopped'), card('both')]);
});
afterAll(async () => {
  await Promise.all(ended.map((end) => end()));
  await api.stop();
  rmSync(cwd, { recursive: true, force: true });
});
beforeEach(() => {
  told = [];
});

describe('with one machine that has instances', () => {
  test('they are listed, as a table and as JSON', async () => {
    const { stdout } = await run();
    expect(stdout).toMatch(/INSTANCE +NAME +MACHINE +STATUS[\s\S]*\na +Name of a +one +running +healthy/);
    const listed = JSON.parse((await run('--status', 'stopped', '--json')).stdout) as { instances: unknown[] };
    expect(listed.instances).toMatchObject([{ machine: 'one', presence: 'alive', id: 'b' }]);
    expect(await run('list', '--status', 'asleep')).toMatchObject({ code: 2 });
  });

  test('options become a configuration', async () => {
    const options = [
      '--gpu',
      'cuda:0',
      '--env',
      'A=1=2',
      '--env',
      'B=',
      '--max-workflows',
      '3',
      '--no-queue-monitoring',
    ];
    writeFileSync(join(cwd, 'wish.json'), '{"port": 8200, "autoStart": false}');
    const { stdout, code } = await run('create', 'Mine', ...options, '--config', '@wish.json', '--auto-start');
    expect({ stdout, code }).toEqual({ stdout: 'made\n', code: 0 });
    const config = {
      ...{ name: 'Mine', port: 8200, gpuDevice: 'cuda:0', envVars: { A: '1=2', B: '' } },
      ...{ maxConcurrentWorkflows: 3, enableQueueMonitoring: false, autoStart: true },
    };
    expect(told).toEqual([{ machine: 'one', kind: 'create', args: { config, start: false } }]);
    await run('update', 'a', '--unset', 'gpuDevice,description', '--timeout-ms', '5000');
    expect(told[1]?.args).toEqual({ id: 'a', change: { timeoutMs: 5_000, gpuDevice: null, description: null } });
  });

  test('many are one command; what went wrong with one is told, and the exit code is 1', async () => {
    expect(await run('stop', 'a', 'both')).toMatchObject({ code: 0 });
    const started = await run('start', '--all');
    expect(started).toMatchObject({ code: 1, stderr: 'a is running.\nb: Port 8188 is in use\n' });
    expect(told.map(({ args }) => args)).toEqual([{ ids: ['a', 'both'] }, { all: true }]);
  });

  test('deleting asks', async () => {
    expect(await run('delete', 'a')).toMatchObject({ code: 2, stderr: expect.stringContaining('Say --yes') });
    expect(told).toEqual([]);
    expect(await run('delete', 'a', '--yes')).toMatchObject({ code: 0, stderr: 'a is deleted.\n' });
  });

  test('export and import: a file, or the standard streams', async () => {
    expect(JSON.parse((await run('export')).stdout)).toEqual(EXPORT);
    expect(await run('export', '--out', 'all.json')).toMatchObject({ code: 0, stdout: '' });
    const text = readFileSync(join(cwd, 'all.json'), 'utf8');
    expect(JSON.parse(text)).toEqual(EXPORT);
    expect(await run('import', 'all.json')).toMatchObject({ code: 0 });
    const piped = { cwd, env: { SWITCHYARD_URL: api.url }, stdin: text };
    expect(await runCommand(['instances', 'import', '-'], piped)).toMatchObject({ code: 0 });
    expect(told.filter(({ kind }) => kind === 'import').map(({ args }) => args)).toEqual([
      { data: EXPORT },
      { data: EXPORT },
    ]);
    expect((await run('export', '--secrets')).stdout).toContain('/kept/there.json');
  });

  test('migrate takes the configuration of a single ComfyUI only', async () => {
    writeFileSync(join(cwd, 'single.json'), '{"endpoint": "http://10.0.0.7:8188"}');
    expect(await run('migrate', 'single.json')).toMatchObject({ code: 0 });
    expect(told[0]).toMatchObject({ kind: 'import', args: { data: { endpoint: 'http://10.0.0.7:8188' } } });
    writeFileSync(join(cwd, 'all.json'), JSON.stringify(EXPORT));
    expect(await run('migrate', 'all.json')).toMatchObject({ code: 2 });
    expect((await run('migrate')).stderr).toMatch(/found no configuration/);
  });

  test.each([
    [['start'], 2, /Name them, or say --all/],
    [['start', 'a', '--all'], 2, /do not go together/],
    [['update', 'a'], 2, /Nothing is to be changed/],
    [['create', 'X', '--port', '0'], 2, /1 to 65535/],
    [['create', 'X', '--port', '1'], 1, /Port 1 is taken by process 7/],
    [['create', 'X', '--env', 'NOVALUE'], 2, /NAME=VALUE/],
    [['create', 'X', '--config', '{'], 2, /not JSON/],
    [['import', 'no-such.json'], 2, /no such file/],
    [['stop', 'a', '--machine', 'nobody'], 6, /no machine "nobody"/],
    [['explode', 'a'], 2, /./],
  ])('%j', async (args, code, why) => {
    const ran = await run(...args);
    expect({ args, code: ran.code, said: ran.stderr }).toEqual({ args, code, said: expect.stringMatching(why) });
    expect(ran.stdout).toBe('');
  });
});

describe('with several', () => {
  beforeAll(() => machine('two', [card('c'), card('both')]));

  test('the one that has the instance is meant; where that is not clear the machines are named', async () => {
    await run('stop', 'c');
    await run('stop', 'both', '--machine', 'two');
    expect(told.map(({ machine: id }) => id)).toEqual(['two', 'two']);
    for (const args of [['stop', 'both'], ['stop', '--all'], ['create', 'X'], ['export']]) {
      const ran = await run(...args);
      expect({ args, ...ran }).toMatchObject({
        args,
        code: 2,
        stderr: expect.stringMatching(/one, two[\s\S]*--machine one/),
      });
    }
    expect(await run('stop', 'nope')).toMatchObject({ code: 6, stderr: expect.stringContaining('one, two') });
    expect((await run('--machine', 'two', '--json')).stdout).not.toContain('"machine": "one"');
    const completed = await runCommand(['complete', '--', 'instances', 'stop', ''], {
      cwd,
      env: { SWITCHYARD_URL: api.url },
    });
    expect(completed.stdout).toMatch(/^c\tName of c on two: running$/m);
  });
});
