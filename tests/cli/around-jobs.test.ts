import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../../platform/processes/free-port.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { CommandSite } from './command-site.ts';
import { startCommand } from './run-command.ts';

let site: CommandSite;
const run: CommandSite['run'] = (...args) => site.run(...args);
const start: CommandSite['start'] = (...args) => site.start(...args);
const submit: CommandSite['submit'] = (...args) => site.submit(...args);

beforeAll(async () => {
  site = await CommandSite.start();
});

afterAll(() => site.stop());

describe('looking around', () => {
  test('services: a list, and one with its fields and an example that works', async () => {
    const healthy = /^simulation +healthy +Simulated work +2 +2 /m;
    await waitUntil(async () => healthy.test((await run('services')).stdout), 60_000);
    const { stdout } = await run('services', 'simulation');
    expect(stdout).toMatch(/^worker\/fast-lane@\S+ +fast-lane +healthy .* Simulation 1\.0\.0$/m);
    expect(stdout).toMatch(/^Models 2\n {2}simulated-large, simulated-small$/m);
    expect(stdout).toMatch(/^ {2}steps +integer, 1–1000, default 10\n +Progress reports$/m);
    expect(stdout).toMatch(/^ +artifacts\[\]\.name \* +string/m);
    const example = /^ {2}switchyard (submit .*) --watch$/m.exec(stdout)?.[1] ?? '';
    const words = [...example.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    expect((await run(...words, '--wait', '60')).code).toBe(0);
    const { code, stderr } = await run('services', 'nonsense');
    expect(code).toBe(6);
    expect(stderr).toMatch(/there are: .*simulation/);
  });

  test('pools and workers tell who is there', async () => {
    await waitUntil(async () => (await run('workers')).stdout.includes('standard.simulation'));
    expect((await run('pools')).stdout).toMatch(/^heavy +\S.* +0 /m);
  });

  test('doctor names the pools without a worker, and is content', async () => {
    // What other tests left waiting is told too; a moment later the server has forgotten it.
    const { code, stdout } = await waitUntil(async () => {
      const ran = await run('doctor');
      return !ran.stdout.includes(' waiting in pool') && ran;
    });
    expect(stdout).toMatch(/^ok +Temporal +127\.0\.0\.1:\d+, server 1\.\d+/m);
    expect(stdout).toMatch(/^ok +Search attributes/m);
    expect(stdout).toMatch(/^ok +Orchestrator/m);
    expect(stdout).toMatch(/^ok +Service simulation +workers in fast-lane, standard; none in heavy$/m);
    expect(stdout).toMatch(/^ok +API /m);
    expect(stdout).toMatch(/^ok +Backends +\d+ services? healthy$/m);
    expect(code).toBe(0);
  });

  test('doctor says who waits where nobody works, and which command helps', async () => {
    const id = await submit('simulation', '--pool', 'heavy');
    const { stdout } = await waitUntil(async () => {
      const ran = await run('doctor');
      return ran.stdout.includes(' waiting in pool heavy') && ran;
    });
    expect(stdout).toMatch(/^warn +Service simulation +about 1 job waiting in pool heavy/m);
    expect(stdout).toContain('switchyard worker --pool heavy');
    await run('cancel', id);
  });

  test('completion offers what only the running system knows', async () => {
    const id = await submit('simulation', '--set', 'duration=10ms');
    const offered = async (...words: string[]) => (await run('complete', '--', ...words)).stdout;
    await waitUntil(async () => (await offered('watch', '')).includes(id));
    expect(await offered('submit', 'ups')).toMatch(/^upscale\t/m);
    expect(await offered('submit', '--pool', 'he')).toMatch(/^heavy\t/m);
  });
});

describe('running Switchyard', () => {
  test('worker serves what it was told to, and leaves in order', async () => {
    const worker = start('worker', '--pool', 'heavy', '--capabilities', 'simulation', '--max-concurrent', '1');
    await waitUntil(async () => (await run('workers')).stdout.includes('heavy.simulation'));
    expect((await run('workers')).stdout).not.toContain('heavy.upscale');
    const { code, stdout } = await run(
      'submit',
      'simulation',
      '--pool',
      'heavy',
      '--set',
      'duration=10ms',
      '--wait',
      '60',
    );
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('completed') });
    worker.child.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  });

  test('a pool that does not exist is refused with those there are', async () => {
    const { code, stderr } = await run('worker', '--pool', 'nonsense');
    expect(code).toBe(2);
    expect(stderr).toMatch(/fast-lane, standard, heavy/);
  });

  test('api runs beside another one', async () => {
    const port = String(await freePort());
    const api = startCommand(['api'], site.surroundings({ SWITCHYARD_PORT: port }));
    const list = () => run('jobs', '--url', `http://127.0.0.1:${port}`);
    await waitUntil(async () => (await list()).code === 0);
    api.child.kill('SIGTERM');
    expect((await api.ended).code).toBe(0);
    expect((await list()).code).toBe(7);
  });
});
