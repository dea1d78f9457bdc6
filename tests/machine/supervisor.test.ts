import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { identify } from '../../platform/processes/process-identity.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { ROOT } from '../house/repository.ts';
import { scopeOf, serverPlan, supervise } from './bench.ts';

/** Starts a child that leaves group and session, and writes its number. */
const RUNAWAY = (file: string, extra = '') => `
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' ${extra} });
child.unref();
writeFileSync(${JSON.stringify(file)}, String(child.pid));
`;

describe('an instance', () => {
  test('is ready when its port answers, and is stopped in order', async () => {
    const { supervisor, events, folder, logFile } = supervise();
    const plan = await serverPlan(folder, {
      more: "process.on('SIGTERM', () => { console.log('leaving'); process.exit(0); });",
    });
    const status = await supervisor.start(plan);
    expect(status).toMatchObject({ name: 'server-0', state: 'ready', restarts: 0, ports: plan.ports });
    expect(identify(status.pid!)).toBeDefined();
    expect(readdirSync(join(folder, 'run', 'services'))).toEqual(['server-0.pid.json']);
    await expect(supervisor.stop('server-0')).resolves.toMatchObject({ state: 'stopped' });
    expect(identify(status.pid!)).toBeUndefined();
    expect(readdirSync(join(folder, 'run', 'services'))).toEqual([]);
    expect(readFileSync(logFile('server-0'), 'utf8')).toMatch(/listening on[^]*leaving/);
    expect(events.map((event) => event.type)).toEqual(['spawned', 'ready', 'stopped']);
  });

  test('gets an allow-list of our environment, what its plan sets, and nothing else', async () => {
    const env = { ...process.env, TEMPORAL_API_KEY: 'secret', OPENAI_API_KEY: 'secret', HF_HOME: '/models' };
    const { supervisor, folder } = supervise({ env });
    const plan = await serverPlan(folder, {
      env: { GREETING: 'hello' },
      passEnv: ['HF_HOME'],
      pathPrepend: ['/first'],
    });
    await supervisor.start(plan);
    const response = await fetch(`http://127.0.0.1:${plan.ports[0]}/env`);
    const seen = (await response.json()) as Record<string, string>;
    expect(seen).toMatchObject({ GREETING: 'hello', HF_HOME: '/models' });
    expect(seen['PATH']).toBe(`/first:${process.env['PATH']}`);
    expect(JSON.stringify(seen)).not.toContain('secret');
    expect(Object.keys(seen).filter((name) => name.startsWith('SWITCHYARD'))).toEqual(['SWITCHYARD_PROCESS_MARK']);
    expect(seen).not.toHaveProperty('NODE_OPTIONS');
  });

  test('that crashes comes back, and its crash is told with its last words', async () => {
    const { supervisor, folder, seen } = supervise();
    const plan = await serverPlan(folder);
    const { pid } = await supervisor.start(plan);
    await fetch(`http://127.0.0.1:${plan.ports[0]}/crash`).catch(() => {});
    const gone = await seen('gone');
    expect(gone).toMatchObject({ pid, reason: 'ended with status 7', last_words: [`listening on ${plan.ports[0]}`] });
    await seen('ready', 2);
    expect(supervisor.get('server-0')).toMatchObject({ state: 'ready', restarts: 1 });
  });

  test('has failed when its restarts are spent, and can be started again by hand', async () => {
    const { supervisor, folder, of } = supervise();
    const plan = await serverPlan(folder, {
      source: "console.error('no model'); process.exit(3);",
      restart: { max: 2, delayMs: 1, maxDelayMs: 2, stableAfterMs: 60_000 },
    });
    await expect(supervisor.start(plan)).rejects.toThrow(
      /server-0 could not be started: it ended with status 3\. Its log: /,
    );
    expect(supervisor.get('server-0')).toMatchObject({ state: 'failed', reason: 'ended with status 3', restarts: 2 });
    expect(of('failed')).toMatchObject([{ last_words: ['no model'] }]);
    const mended = await serverPlan(folder, { ports: plan.ports });
    await expect(supervisor.start(mended)).resolves.toMatchObject({ state: 'ready' });
  });

  test('that is ready again and again but never stable runs out of restarts too', async () => {
    const { supervisor, folder, seen } = supervise();
    const plan = await serverPlan(folder, {
      more: 'setTimeout(() => process.exit(1), 50);',
      ready: { kind: 'log', pattern: '^listening' },
    });
    await supervisor.start(plan).catch(() => {});
    await seen('failed');
    expect(supervisor.get('server-0')).toMatchObject({ state: 'failed', restarts: 3 });
  });

  test('that never gets ready is ended when its time is over', async () => {
    const { supervisor, folder } = supervise();
    const plan = await serverPlan(folder, {
      source: 'setInterval(() => {}, 1000);',
      readyTimeoutMs: 300,
      restart: { max: 0, delayMs: 1, maxDelayMs: 1, stableAfterMs: 1 },
    });
    await expect(supervisor.start(plan)).rejects.toThrow(
      /was not ready within 0\.3 s: it takes no connection on port \d+ \(ECONNREFUSED\)/,
    );
    expect(supervisor.get('server-0').pid).toBeUndefined();
  });

  test('that hangs is noticed by its probe and restarted', async () => {
    const { supervisor, folder, seen } = supervise();
    const probe = { kind: 'http' as const, port: 0, path: '/' };
    const plan = await serverPlan(folder);
    probe.port = plan.ports[0]!;
    await supervisor.start({
      ...plan,
      ready: probe,
      liveness: { probe, intervalMs: 50, timeoutMs: 1_500, failures: 2 },
    });
    void fetch(`http://127.0.0.1:${plan.ports[0]}/hang`).catch(() => {});
    expect(await seen('unhealthy')).toMatchObject({
      failures: 1,
      reason: expect.stringContaining('does not answer GET'),
    });
    expect((await seen('gone')).reason).toMatch(/^hung: it does not answer .* 2 times in a row$/);
    await seen('ready', 2);
  });

  test('that is stopped by SIGSTOP is noticed and restarted', async () => {
    const { supervisor, folder, seen } = supervise();
    const plan = await serverPlan(folder);
    const probe = { kind: 'http' as const, port: plan.ports[0]!, path: '/' };
    const { pid } = await supervisor.start({
      ...plan,
      ready: probe,
      liveness: { probe, intervalMs: 50, timeoutMs: 2_000, failures: 1 },
    });
    process.kill(pid!, 'SIGSTOP');
    await seen('ready', 2);
    expect(identify(pid!)).toBeUndefined();
  });

  test('that takes too much memory is restarted, its children counted', async () => {
    const { supervisor, folder, seen } = supervise({ usageIntervalMs: 100 });
    const eater = join(folder, 'eaten');
    const more = `
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
if (!existsSync(${JSON.stringify(eater)})) {
  writeFileSync(${JSON.stringify(eater)}, '');
  spawn(process.execPath, ['-e', 'globalThis.x = Buffer.alloc(200e6, 1); setInterval(() => {}, 1000)'], { stdio: 'ignore' });
}`;
    await supervisor.start(await serverPlan(folder, { more, maxMemoryBytes: 220e6 }));
    const usage = await waitUntil(() => supervisor.get('server-0').usage);
    expect(usage.memory_bytes).toBeGreaterThan(20e6);
    expect((await seen('gone')).reason).toMatch(/^took \d+ MB of memory, more than max_memory_mb \(210 MB\)$/);
    await seen('ready', 2);
    await waitUntil(() => typeof supervisor.get('server-0').usage?.cpu_percent === 'number');
  });

  test('that ignores SIGTERM is killed', async () => {
    const { supervisor, folder } = supervise();
    const plan = await serverPlan(folder, { more: "process.on('SIGTERM', () => {});", stopTimeoutMs: 200 });
    const { pid } = await supervisor.start(plan);
    await supervisor.stop('server-0');
    expect(identify(pid!)).toBeUndefined();
  });

  test('is stopped with what it has started, even in another session and without its environment', async () => {
    const { supervisor, folder } = supervise({ usageIntervalMs: 50 });
    const [marked, bare] = [join(folder, 'marked'), join(folder, 'bare')];
    const more = `${RUNAWAY(marked)}{ ${RUNAWAY(bare, ', env: {}').replaceAll(/^import.*$/gm, '')} }`;
    await supervisor.start(await serverPlan(folder, { more, stopTimeoutMs: 300 }));
    const pids = [marked, bare].map((file) => Number(readFileSync(file, 'utf8')));
    await waitUntil(() => supervisor.get('server-0').usage?.processes === 3);
    await supervisor.stop('server-0');
    expect(pids.map((pid) => identify(pid))).toEqual([undefined, undefined]);
  });

  test('that leaves children behind when it dies is cleared away before it comes back', async () => {
    const { supervisor, folder, seen } = supervise();
    const file = join(folder, 'child');
    const plan = await serverPlan(folder, { more: RUNAWAY(file), stopTimeoutMs: 300 });
    await supervisor.start(plan);
    const child = Number(readFileSync(file, 'utf8'));
    await fetch(`http://127.0.0.1:${plan.ports[0]}/crash`).catch(() => {});
    await seen('ready', 2);
    expect(identify(child)).toBeUndefined();
  });

  test('can be stopped while it starts, and while it waits to be started again', async () => {
    const { supervisor, folder, seen } = supervise();
    const slow = supervisor.start(await serverPlan(folder, { source: 'setInterval(() => {}, 1000);' }));
    await seen('spawned');
    await supervisor.stop('server-0');
    await expect(slow).rejects.toThrow('server-0 was stopped before it was ready');
    const crash = supervisor.start(
      await serverPlan(folder, {
        name: 'crash-0',
        source: 'process.exit(1);',
        restart: { max: 5, delayMs: 3_600_000, maxDelayMs: 3_600_000, stableAfterMs: 1 },
      }),
    );
    await waitUntil(() => supervisor.list().find(({ name }) => name === 'crash-0')?.state === 'waiting');
    await supervisor.stop('crash-0');
    await expect(crash).rejects.toThrow('was stopped');
  });

  test('is forgotten when it is removed, and what a listener does wrong harms nobody', async () => {
    const { supervisor, folder, seen } = supervise();
    supervisor.subscribe(() => {
      throw new Error('listener');
    });
    const { pid } = await supervisor.start(await serverPlan(folder));
    await supervisor.remove('server-0');
    await seen('stopped');
    expect(identify(pid!)).toBeUndefined();
    expect(supervisor.list()).toEqual([]);
  });

  test('is restarted on demand', async () => {
    const { supervisor, folder } = supervise();
    const first = await supervisor.start(await serverPlan(folder));
    const second = await supervisor.restart('server-0');
    expect(second).toMatchObject({ state: 'ready', ports: first.ports });
    expect(second.pid).not.toBe(first.pid);
    expect(identify(first.pid!)).toBeUndefined();
  });

  test('has its flood of output cut into files of bounded size', async () => {
    const { supervisor, folder, logFile, seen } = supervise();
    const source =
      "for (let n = 0; n < 45; n++) process.stdout.write('x'.repeat(1e6)); process.stdout.write('\\nall written\\n'); setInterval(() => {}, 1000);";
    await supervisor.start(await serverPlan(folder, { source, ready: { kind: 'log', pattern: '^all written$' } }));
    await seen('ready');
    expect(existsSync(`${logFile('server-0')}.2`)).toBe(true);
    expect(existsSync(`${logFile('server-0')}.3`)).toBe(false);
  });
});

describe('refused, with nothing changed', () => {
  test('a port that is taken, with who has it', async () => {
    const { supervisor, folder, events } = supervise();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    try {
      await expect(supervisor.start(await serverPlan(folder, { ports: [port] }))).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(
          new RegExp(`port ${port} of server-0 is taken by .*\\(process ${process.pid}\\): stop that`),
        ),
      });
    } finally {
      other.close();
    }
    expect(supervisor.list()).toEqual([]);
    expect(events).toEqual([]);
  });

  test('a program or folder that is not there, an instance that runs already, a name that nobody has', async () => {
    const { supervisor, folder } = supervise();
    const plan = await serverPlan(folder);
    await expect(supervisor.start({ ...plan, command: ['no-such-program'] })).rejects.toThrow(
      /there is no program no-such-program in .*: is it installed\?/,
    );
    await expect(supervisor.start({ ...plan, cwd: join(folder, 'nowhere') })).rejects.toThrow(
      /there is no folder .*nowhere: is it installed\?/,
    );
    await supervisor.start(plan);
    await expect(supervisor.start(plan)).rejects.toMatchObject({ code: 'conflict' });
    await expect(supervisor.restart('other')).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('there are: server-0'),
    });
  });
});

/** Is not started again: its supervisor is as good as dead. */
const ONCE = { max: 0, delayMs: 1, maxDelayMs: 1, stableAfterMs: 1 };

describe('what an earlier life left behind', () => {
  test('by kill -9 of the supervisor itself runs on until the next life ends it', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'child');
    const plan = await serverPlan(folder, { more: RUNAWAY(file) });
    const scope = scopeOf(folder);
    const program = `
      import { createServiceSupervisor } from ${JSON.stringify(join(ROOT, 'dist/workers/machine/services/supervisor.js'))};
      const options = { runDir: ${JSON.stringify(join(folder, 'run'))}, logsDir: ${JSON.stringify(join(folder, 'logs'))} };
      const supervisor = createServiceSupervisor({ ...options, scope: ${JSON.stringify(scope)}, env: process.env });
      const { pid } = await supervisor.start(${JSON.stringify(plan)});
      console.log(pid);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    parent.kill('SIGKILL');
    await once(parent, 'close');
    const pids = [Number(String(line)), Number(readFileSync(file, 'utf8'))];
    expect(pids.every((pid) => identify(pid))).toBe(true);
    await expect(supervise({ folder }).supervisor.cleanUpLeftOvers()).resolves.toEqual(['server-0']);
    expect(pids.map((pid) => identify(pid))).toEqual([undefined, undefined]);
  });

  test('is found by pid file and mark and ended, with what it had started', async () => {
    const folder = temporaryFolder();
    const first = supervise({ folder });
    const file = join(folder, 'child');
    const plan = await serverPlan(folder, { more: RUNAWAY(file), restart: ONCE, stopTimeoutMs: 300 });
    const { pid } = await first.supervisor.start(plan);
    const child = Number(readFileSync(file, 'utf8'));
    const record = readFileSync(join(folder, 'run', 'services', 'server-0.pid.json'), 'utf8');
    expect(JSON.parse(record)).toMatchObject({ name: 'server-0', pid, started: expect.stringMatching(/\d+$/) });
    // A second supervisor on the same folder is the next life of the machine; the first one is as good as dead.
    const next = supervise({ folder });
    await expect(next.supervisor.cleanUpLeftOvers()).resolves.toEqual(['server-0']);
    await waitUntil(() => identify(pid!) === undefined);
    expect(identify(child)).toBeUndefined();
  });

  test('is found by its mark alone when the pid file is lost', async () => {
    const folder = temporaryFolder();
    const first = supervise({ folder });
    const { pid } = await first.supervisor.start(await serverPlan(folder, { restart: ONCE }));
    rmSync(join(folder, 'run', 'services', 'server-0.pid.json'));
    await expect(supervise({ folder }).supervisor.cleanUpLeftOvers()).resolves.toEqual(['server-0']);
    await waitUntil(() => identify(pid!) === undefined);
  });

  test('is never somebody else who got the number', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'run', 'services'), { recursive: true });
    // Our own number with another start: a process that must not be hit.
    const record = { name: 'server-0', pid: process.pid, started: 'another-boot 1', mark: 'test/server-0/1' };
    writeFileSync(join(folder, 'run', 'services', 'server-0.pid.json'), JSON.stringify(record));
    await expect(supervise({ folder }).supervisor.cleanUpLeftOvers()).resolves.toEqual([]);
    expect(readdirSync(join(folder, 'run', 'services'))).toEqual([]);
  });
});
