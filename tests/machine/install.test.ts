import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { identify } from '../../platform/processes/process-identity.ts';
import type { InstallStep } from '../../workers/machine/services/definition.schema.ts';
import { type InstallProgress, installService } from '../../workers/machine/services/install-service.ts';
import type { InstallPlan } from '../../workers/machine/services/service-plan.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { waitUntil } from '../harness/wait-until.ts';

function bench(steps: InstallStep[], changes: Partial<InstallPlan> = {}) {
  const folder = temporaryFolder();
  const dir = join(folder, 'service');
  const plan: InstallPlan = {
    service: 'thing',
    dir,
    steps,
    roots: [folder],
    env: {},
    passEnv: [],
    timeoutMs: 120_000,
    ...changes,
  };
  const told: string[] = [];
  const onStep = ({ step, state }: InstallProgress) => void told.push(`${step} ${state}`);
  const install = (now = plan, signal = new AbortController().signal) =>
    installService(now, { logsDir: join(folder, 'logs'), env: process.env, signal, onStep });
  return { folder, dir, plan, told, install, log: join(folder, 'logs', 'install-thing.log') };
}

/** A step that adds a line to a file, so that it can be counted how often it was done. */
const count = (file: string, name = file): InstallStep => ({ name, run: ['sh', '-c', `echo once >> ${file}`] });
const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n').length;

describe('an installation', () => {
  test('does each step once, and does anew what was changed with all that follows', async () => {
    const { install, plan, dir, told } = bench([count('a'), count('b'), count('c')]);
    await expect(install()).resolves.toMatchObject({ ran: ['a', 'b', 'c'], skipped: [] });
    await expect(install()).resolves.toMatchObject({ ran: [], skipped: ['a', 'b', 'c'] });
    expect([lines(join(dir, 'a')), lines(join(dir, 'c'))]).toEqual([1, 1]);
    const changed = {
      ...plan,
      steps: [plan.steps[0]!, { ...count('b'), env: { X: '1' } } as InstallStep, plan.steps[2]!],
    };
    await expect(install(changed)).resolves.toMatchObject({ ran: ['b', 'c'], skipped: ['a'] });
    expect([lines(join(dir, 'a')), lines(join(dir, 'b')), lines(join(dir, 'c'))]).toEqual([1, 2, 2]);
    expect(told.slice(0, 4)).toEqual(['a started', 'a done', 'b started', 'b done']);
  });

  test('goes on with the step that failed, and says which it was, with its last words and its log', async () => {
    const failing: InstallStep = { name: 'build', run: ['sh', '-c', 'echo compiler is missing >&2; test -e ok'] };
    const { install, dir, log, told } = bench([count('a'), failing, count('b')]);
    await expect(install()).rejects.toThrow(
      /thing could not be installed: step "build": sh ended with status 1: compiler is missing\. Its log: .*install-thing\.log/,
    );
    expect(readFileSync(log, 'utf8')).toContain('compiler is missing');
    expect(told.at(-1)).toBe('build failed');
    writeFileSync(join(dir, 'ok'), '');
    await expect(install()).resolves.toMatchObject({ skipped: ['a'], ran: ['build', 'b'] });
    expect(lines(join(dir, 'a'))).toBe(1);
  });

  test('is done by one of several that want it, and found done by the others', async () => {
    const { install, dir } = bench([{ name: 'slow', run: ['sh', '-c', 'sleep 0.3; echo once >> done'] }]);
    const results = await Promise.all([install(), install(), install()]);
    expect(results.filter(({ ran }) => ran.length === 1)).toHaveLength(1);
    expect(lines(join(dir, 'done'))).toBe(1);
  });

  test('ends with all it has started when it is cancelled, or takes too long', async () => {
    const { install, dir, plan } = bench([
      { name: 'wait', run: ['sh', '-c', 'sleep 1000 & echo $! > child; echo $$ > self; wait'] },
    ]);
    const stop = new AbortController();
    const going = install(plan, stop.signal);
    const child = await waitUntil(
      () => existsSync(join(dir, 'self')) && Number(readFileSync(join(dir, 'child'), 'utf8')),
    );
    expect(identify(child)).toBeDefined();
    stop.abort(new Error('machine stops'));
    await expect(going).rejects.toThrow('machine stops');
    await waitUntil(() => identify(child) === undefined);
    await expect(install({ ...plan, timeoutMs: 300 })).rejects.toThrow(
      /step "wait": install_timeout \(0\.3 s\) is over/,
    );
  });

  test('gets an allow-list of our environment', async () => {
    const { install, dir } = bench([{ run: ['sh', '-c', 'env > seen'], env: { STEP: '1' } }], { env: { THING: '2' } });
    process.env['SOME_SECRET_KEY'] = 'canary';
    try {
      await install();
    } finally {
      delete process.env['SOME_SECRET_KEY'];
    }
    const seen = readFileSync(join(dir, 'seen'), 'utf8');
    expect(seen).toMatch(/^STEP=1$/m);
    expect(seen).toMatch(/^THING=2$/m);
    expect(seen).not.toContain('canary');
  });
});

describe('a step', () => {
  function repository(): { url: string; commits: string[] } {
    const folder = temporaryFolder();
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
        cwd: folder,
        encoding: 'utf8',
      }).trim();
    git('init', '--quiet');
    const commits = ['one', 'two'].map((text) => {
      writeFileSync(join(folder, 'file'), text);
      git('add', 'file');
      git('commit', '--quiet', '-m', text);
      return git('rev-parse', 'HEAD');
    });
    git('tag', 'v1', commits[0]!);
    return { url: `file://${folder}`, commits };
  }

  test('checks out a commit or a tag, moves to another, and leaves alone what lies there besides', async () => {
    const { url, commits } = repository();
    const step = (commit: string): InstallStep => ({ git: { url, commit, into: 'source' } });
    const { install, plan, dir } = bench([step(commits[0]!)]);
    await install();
    const file = join(dir, 'source', 'file');
    expect(readFileSync(file, 'utf8')).toBe('one');
    mkdirSync(join(dir, 'source', 'models'));
    writeFileSync(join(dir, 'source', 'models', 'big'), 'model');
    writeFileSync(file, 'changed by hand');
    await install({ ...plan, steps: [step(commits[1]!)] });
    expect(readFileSync(file, 'utf8')).toBe('two');
    await install({ ...plan, steps: [step('v1')] });
    expect(readFileSync(file, 'utf8')).toBe('one');
    expect(readFileSync(join(dir, 'source', 'models', 'big'), 'utf8')).toBe('model');
    await expect(install({ ...plan, steps: [step('no-such-tag')] })).rejects.toThrow(
      /step "git .*": git ended with status/,
    );
  });

  test('makes a Python environment and installs into it', async () => {
    // In the place of Python: making an environment copies it there; everything it is told is written down.
    const folder = temporaryFolder();
    const python = join(folder, 'python3');
    const told = join(folder, 'told');
    const copies = 'if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi';
    writeFileSync(python, `#!/bin/sh\necho "$0 $*" >> ${told}\n${copies}\n`);
    chmodSync(python, 0o755);
    const venv = {
      python,
      requirements: ['source/requirements.txt'],
      packages: ['torch==2.11.0'],
      pip_args: ['--pre'],
    };
    const { install, dir } = bench([{ venv }]);
    await install();
    expect(readFileSync(told, 'utf8').trimEnd().split('\n')).toEqual([
      `${python} -m venv ${dir}/venv`,
      `${dir}/venv/bin/python -m pip install --disable-pip-version-check --no-input --pre -r ${dir}/source/requirements.txt torch==2.11.0`,
    ]);
  });
});
