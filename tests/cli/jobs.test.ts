import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { JobEvent } from '../../contract/job-events.ts';
import type { JobView } from '../../contract/job-view.ts';
import { freePort } from '../../platform/processes/free-port.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { CommandSite } from './command-site.ts';

const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples', 'jobs');

let site: CommandSite;
const run: CommandSite['run'] = (...args) => site.run(...args);
const start: CommandSite['start'] = (...args) => site.start(...args);
const submit: CommandSite['submit'] = (...args) => site.submit(...args);
const json = <T>(...args: string[]): Promise<T> => site.json<T>(...args);

beforeAll(async () => {
  site = await CommandSite.start();
});

afterAll(() => site.stop());

describe('submit', () => {
  test('prints the id alone, and the rest on standard error', async () => {
    const { stdout, stderr } = await run('submit', 'simulation', '--set', 'duration=10ms');
    expect(stdout).toMatch(/^\S{26}\n$/);
    expect(stderr).toContain(`Watch it: switchyard watch ${stdout.trim()}`);
  });

  test('--watch tells every step in lines, and what came out', async () => {
    const { code, stdout } = await run(
      'submit',
      'simulation',
      '--set',
      'duration=2s',
      '--set',
      'steps=4',
      '--set',
      'result.answer=42',
      '--watch',
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d running in pool \S+$/m);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d +\d+% /m);
    expect(stdout).toMatch(/^✔ simulation completed in [\d.]+s /m);
    expect(stdout).toMatch(/^ {2}result {2}answer 42$/m);
  });

  test('--wait gives the finished job', async () => {
    const { code, stdout } = await run('submit', 'simulation', '--set', 'duration=10ms', '--wait', '60', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', service: 'simulation' });
  });

  test('--wait that ends too early has an exit code of its own', async () => {
    const { code, stderr } = await run('submit', 'simulation', '--set', 'duration=30s', '--wait', '1');
    expect(code).toBe(8);
    expect(stderr).toContain('the job goes on');
  });

  test('carries every option into the job', async () => {
    const id = await submit(
      'simulation',
      '--set',
      'duration=10ms',
      '--pool',
      'standard',
      '--priority',
      '2',
      '--tag',
      'a,b',
      '--metadata',
      'n=1',
      '--max-attempts',
      '2',
    );
    expect(await json<JobView>('get', id)).toMatchObject({
      pool: 'standard',
      priority: 2,
      tags: ['a', 'b'],
      metadata: { n: 1 },
      max_attempts: 2,
    });
  });

  test('the same idempotency key gives the same job; with another body it is refused', async () => {
    const same = ['simulation', '--set', 'duration=10ms', '--idempotency-key', 'once'];
    const id = await submit(...same);
    expect(await submit(...same)).toBe(id);
    const { code, stderr } = await run('submit', 'simulation', '--idempotency-key', 'once');
    expect(code).toBe(2);
    expect(stderr).toContain('Idempotency-Key');
  });

  test('fields that are wrong are named, with what would be accepted and where to look', async () => {
    const { code, stdout, stderr } = await run('submit', 'simulation', '--set', 'steps=0', '--set', 'nonsense=1');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^ {2}\/payload\/steps must be 1–1000$/m);
    expect(stderr).toMatch(/^ {2}\/payload\/nonsense is not a known field$/m);
    expect(stderr).toContain('switchyard services simulation');
  });

  test('an unknown service is answered with those there are', async () => {
    const { code, stderr } = await run('submit', 'simulatoin');
    expect(code).toBe(2);
    expect(stderr).toMatch(/one of: .*simulation/);
  });
});

test('a picture goes up, comes back larger, and is fetched', async () => {
  const picture = join(site.folder, 'small.png');
  await sharp({ create: { width: 24, height: 16, channels: 3, background: '#369' } })
    .png()
    .toFile(picture);
  const { code, stdout } = await run(
    'submit',
    'upscale',
    '-i',
    'image=@small.png',
    '--set',
    'scale=2',
    '--watch',
    '--out',
    'results',
  );
  expect(code).toBe(0);
  const [name] = await readdir(join(site.folder, 'results'));
  const path = join(site.folder, 'results', name ?? '');
  expect(stdout).toContain(path);
  expect(await sharp(path).metadata()).toMatchObject({ width: 48, height: 32, format: 'png' });
});

test('what is no picture is refused by name', async () => {
  await writeFile(join(site.folder, 'notes.txt'), 'no picture');
  const { code, stderr } = await run('submit', 'upscale', '-i', 'image=@notes.txt');
  expect(code).toBe(2);
  expect(stderr).toMatch(/\/payload\/image is text\/plain/);
});

describe('the example jobs', () => {
  const submitExample = (name: string, ...args: string[]) =>
    run('submit', '--job', join(EXAMPLES, name), '--watch', ...args);

  test('quick completes', async () => {
    expect((await submitExample('simulation-quick.json')).code).toBe(0);
  });

  test('flaky completes in its third attempt, and the attempts tell why', async () => {
    const { code, stdout } = await submitExample('simulation-flaky.json');
    expect(code).toBe(0);
    expect(stdout).toContain('(attempt 3)');
    const id = /completed .* (\S{26})$/m.exec(stdout)?.[1] ?? '';
    const table = (await run('attempts', id)).stdout;
    expect(table).toMatch(/^ +2 +failed .*backend_error/m);
    expect(table).toMatch(/^ +3 +completed/m);
  });

  test('failing fails: code, message, way out, exit code 3', async () => {
    const { code, stdout, stderr } = await submitExample('simulation-failing.json');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^✖ simulation failed/m);
    expect(stdout).toContain('content_policy');
    expect(stderr).toContain('the same input will be refused again');
    expect(stderr).toContain('switchyard retry');
  });

  test('requirements that nobody meets: it says why it waits, then times out with exit code 5', async () => {
    const { code, stdout } = await submitExample('simulation-requirements.json', '--start-timeout', '2s');
    expect(code).toBe(5);
    expect(stdout).toMatch(/requirements not met: .*8 GPUs/);
    expect(stdout).toMatch(/^✖ simulation timed out/m);
  });

  test('artifacts are listed, fetched, checked and never put over another file', async () => {
    const { stdout } = await submitExample('simulation-artifacts.json', '--json');
    const end = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Extract<JobEvent, { type: 'end' }>;
    const { id, artifacts } = end.job;
    expect(artifacts.map(({ name }) => name)).toEqual(['picture.png', 'notes.txt', 'noise.bin']);
    const out = join(site.folder, 'fetched');
    const fetched = await json<{ artifacts: { name: string; path: string; sha256: string }[] }>(
      'artifacts',
      id,
      '--out',
      out,
    );
    for (const { path, sha256 } of fetched.artifacts) {
      expect(
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex'),
      ).toBe(sha256);
    }
    await writeFile(join(out, 'notes.txt'), 'mine');
    const { stdout: again } = await run('artifacts', id, '--out', out, '--name', 'notes.txt');
    expect(again).toContain(join(out, 'notes-2.txt'));
    expect(await readFile(join(out, 'notes.txt'), 'utf8')).toBe('mine');
    expect((await run('artifacts', id, '--name', 'nothing')).code).toBe(6);
  });
});

describe('watch', () => {
  test('--json gives one event per line, the snapshot first and the end last', async () => {
    const id = await submit('simulation', '--set', 'duration=2s');
    const { code, stdout } = await run('watch', id, '--json');
    expect(code).toBe(0);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as JobEvent);
    expect(events[0]?.type).toBe('snapshot');
    expect(events.at(-1)).toMatchObject({ type: 'end', job: { id, status: 'completed' } });
    const percents = events.flatMap((event) => (event.type === 'progress' ? [event.progress.percent] : []));
    expect(percents.length).toBeGreaterThan(0);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
  });

  test('of a job that has ended tells its end, with its exit code', async () => {
    const id = await submit(
      'simulation',
      '--set',
      'duration=10ms',
      '--set',
      'fail_attempts=1',
      '--set',
      'failure_code=validation',
    );
    await site.stack.ended(id);
    const { code, stdout } = await run('watch', id);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^✖ simulation failed/m);
  });

  test('Ctrl-C leaves the job alone', async () => {
    const id = await submit('simulation', '--set', 'duration=60s');
    const watching = start('watch', id);
    await waitUntil(() => watching.stdout().includes('running'));
    watching.child.kill('SIGINT');
    const { code, stderr } = await watching.ended;
    expect(code).toBe(130);
    expect(stderr).toContain(`Cancel it:      switchyard cancel ${id}`);
    expect((await site.stack.get(id)).status).toBe('running');
    expect((await run('cancel', id, '--watch')).code).toBe(0);
    expect((await site.stack.get(id)).status).toBe('cancelled');
  });

  test('--cancel-on-interrupt cancels it, with the exit code of a cancelled job', async () => {
    const id = await submit('simulation', '--set', 'duration=60s');
    const watching = start('watch', id, '--cancel-on-interrupt');
    await waitUntil(() => watching.stdout().includes('running'));
    watching.child.kill('SIGINT');
    expect((await watching.ended).code).toBe(4);
    expect((await site.stack.get(id)).status).toBe('cancelled');
  });

  test('who leaves after asking for the cancel is not told that the job goes on', async () => {
    const id = await submit('simulation', '--set', 'duration=20s', '--set', 'ignore_cancel=true');
    const watching = start('watch', id, '--cancel-on-interrupt');
    await waitUntil(() => watching.stdout().includes('running'));
    watching.child.kill('SIGINT');
    await waitUntil(() => watching.stderr().includes('Cancelling') || watching.stdout().includes('Cancelling'));
    watching.child.kill('SIGINT');
    const { code, stderr } = await watching.ended;
    expect(code).toBe(130);
    expect(stderr).toContain(`job ${id} was asked to stop`);
    expect(stderr).not.toContain('switchyard cancel');
  });

  test('outlives its API: says so once, waits, and tells the end', async () => {
    const { api } = site.stack;
    const port = { SWITCHYARD_PORT: String(await freePort()) };
    const first = await site.stack.apiOnly(port);
    const own = site.stack.api;
    site.stack.api = api;
    const id = await submit('simulation', '--set', 'duration=8s');
    const watching = start('watch', id, '--url', own);
    await waitUntil(() => watching.stdout().includes('running'));
    await first.kill();
    await waitUntil(() => watching.stderr().includes('The API is away'));
    const second = await site.stack.apiOnly(port);
    site.stack.api = api;
    const { code, stdout, stderr } = await watching.ended;
    await second.stop();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^✔ simulation completed/m);
    expect(stderr.match(/The API is away/g)).toHaveLength(1);
    expect(stderr).toContain('The API is back');
  });

  test('a job that does not exist', async () => {
    const { code, stderr } = await run('watch', 'nosuchjob');
    expect(code).toBe(6);
    expect(stderr).toContain('nosuchjob');
  });
});

describe('jobs', () => {
  test('get shows all of it, also under jobs', async () => {
    const id = await submit('simulation', '--set', 'duration=10ms', '--tag', 'shown');
    await site.stack.ended(id);
    const { code, stdout } = await run('get', id);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^id +${id}$`, 'm'));
    expect(stdout).toMatch(/^status +completed$/m);
    expect(stdout).toMatch(/^tags +shown$/m);
    expect((await run('jobs', 'get', id, '--json')).stdout).toBe((await run('get', id, '--json')).stdout);
  });

  test('the list filters, and pages with --all', async () => {
    const ids = await Promise.all(
      [1, 2, 3].map(() => submit('simulation', '--set', 'duration=10ms', '--tag', 'listed')),
    );
    const list = (...args: string[]) =>
      json<{ jobs: JobView[]; next_cursor?: string }>('jobs', '--tag', 'listed', ...args);
    await waitUntil(async () => (await list('--status', 'completed')).jobs.length === 3);
    expect((await list()).jobs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    const page = await list('--limit', '2');
    expect(page.jobs).toHaveLength(2);
    expect((await list('--limit', '2', '--cursor', page.next_cursor ?? '')).jobs).toHaveLength(1);
    expect((await list('--all')).jobs).toHaveLength(3);
    const { stdout } = await run('jobs', '--tag', 'listed');
    expect(stdout.split('\n')[0]).toMatch(/^ID +STATUS +SERVICE/);
    for (const id of ids) expect(stdout).toContain(id);
  });

  test('retry makes a new job of the same document', async () => {
    const id = await submit('simulation', '--set', 'duration=10ms', '--set', 'result=7');
    await site.stack.ended(id);
    const { code, stdout } = await run('retry', id);
    expect(code).toBe(0);
    expect(await site.stack.ended(stdout.trim())).toMatchObject({ status: 'completed', retry_of: id, result: 7 });
  });

  test('retry of a job that goes on, and cancel of one that has ended, are refused', async () => {
    const id = await submit('simulation', '--set', 'duration=60s');
    expect((await run('retry', id)).code).toBe(1);
    expect((await run('cancel', id)).code).toBe(0);
    await site.stack.ended(id);
    const { code, stderr } = await run('cancel', id);
    expect(code).toBe(1);
    expect(stderr).toContain('has ended already: cancelled');
  });

  test('update changes a job that waits', async () => {
    const id = await submit('simulation', '--pool', 'heavy');
    const { code, stderr } = await run('update', id, '--priority', '1', '--deadline', '2h');
    expect(code).toBe(0);
    expect(stderr).toContain('priority 1');
    await waitUntil(async () => (await site.stack.get(id)).priority === 1);
    expect((await run('update', id, '--pool', 'fast-lane')).code).toBe(0);
    expect((await site.stack.ended(id)).pool).toBe('fast-lane');
  });

  test('a job that nobody can take says why, to who submits it and to who asks', async () => {
    const { stderr, stdout } = await run('submit', 'simulation', '--pool', 'heavy');
    expect(stderr).toContain('no worker');
    expect((await run('get', stdout.trim())).stdout).toMatch(/^why +.*heavy/m);
    await run('cancel', stdout.trim());
  });

  test('last is the job created last, also when the list does not have it yet', async () => {
    const id = await submit('simulation', '--set', 'duration=10ms');
    await waitUntil(async () => (await json<JobView>('get', 'last')).id === id);
  });
});
