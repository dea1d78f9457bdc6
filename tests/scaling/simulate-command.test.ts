import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCommand, type Ran } from '../cli/run-command.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-simulate-'));
  const pools = {
    heavy: { max_concurrent_jobs: 1, scaling: { max_workers: 3, startup_seconds: 10, cost_per_hour: 36 } },
    light: {},
  };
  await writeFile(join(folder, 'pools.json'), JSON.stringify({ pools }));
  const lines = Array.from({ length: 30 }, (_, n) =>
    JSON.stringify({ at: n * 1_000, duration: '20s', pool: n % 3 === 0 ? 'light' : 'heavy' }),
  );
  await writeFile(join(folder, 'trace.jsonl'), [...lines, '{"at": "soon", "duration": 1}', 'nothing'].join('\n'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function scale(args: string[], stdin = ''): Promise<Ran> {
  const env = { SWITCHYARD_CONFIG_DIR: folder, SWITCHYARD_DATA_DIR: join(folder, 'data') };
  return runCommand(['scale', ...args], { cwd: folder, env, stdin });
}

describe('switchyard scale simulate', () => {
  test('each pool with its own policy, beside fixed numbers of workers; bad lines are named', async () => {
    const ran = await scale(['simulate', '--trace', 'trace.jsonl']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/heavy: 20 jobs in .*, 1 at a time per worker/);
    expect(ran.stdout).toMatch(/light: 10 jobs in .*, 4 at a time per worker/);
    expect(ran.stdout).toMatch(/WAIT P50 +P95 +P99 +MAX +WORKERS +PEAK/);
    expect(ran.stdout).toMatch(/^policy /m);
    expect(ran.stdout).toMatch(/^fixed \d/m);
    expect(ran.stderr).toContain('line 31: at: "soon" is no time');
    expect(ran.stderr).toContain('line 32: is no JSON');
    expect(ran.stderr).toContain('2 lines of the trace left out');
  });

  test('as JSON, with another policy and a number to compare with', async () => {
    const ran = await scale(
      [
        'simulate',
        '--trace',
        '-',
        '--pool',
        'heavy',
        '--set',
        'max_workers=1',
        '--slots',
        '2',
        '--fixed',
        '5',
        '--json',
      ],
      'at,duration\n0,10s\n0,10s\n0,10s\n',
    );
    expect(ran.code).toBe(0);
    const { pools, bad_lines } = JSON.parse(ran.stdout) as { pools: { runs: unknown }[]; bad_lines: number };
    expect(bad_lines).toBe(0);
    expect(pools).toMatchObject([{ pool: 'heavy', slots: 2, policy: { max_workers: 1, startup_seconds: 10 } }]);
    // Ten seconds to start, then two at a time.
    expect(pools[0]?.runs).toMatchObject([
      { way: 'policy', jobs: 3, wait: { p50: 10_000, max: 20_000 }, workers: { peak: 1 } },
      { way: 'fixed 5', fixed: 5, wait: { max: 0 }, workers: { peak: 5 }, cost: 0.5 },
    ]);
  });

  test.each([
    [['--trace', 'trace.jsonl', '--pool', 'haevy'], 6, 'did you mean heavy?'],
    [['--trace', 'trace.jsonl', '--set', 'max_wrkers=4'], 2, 'did you mean max_workers?'],
    [['--trace', 'trace.jsonl', '--set', 'max_workers=none'], 2, 'max_workers must be a whole number'],
    [['--trace', 'trace.jsonl', '--set', 'min_workers=9'], 2, 'must not be more than max_workers'],
    [['--trace', 'gone.csv'], 2, '--trace gone.csv cannot be read'],
    [['--trace', 'pools.json'], 2, 'The trace holds no job; line 1'],
    [['--trace', '-'], 2, 'The trace holds no job to play'],
    [[], 2, "required option '--trace <file>'"],
  ])('%j is refused', async (args, code, text) => {
    const ran = await scale(['simulate', ...args]);
    expect(ran).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(text) });
  });
});
