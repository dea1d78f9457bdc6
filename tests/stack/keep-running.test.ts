import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type KeepRunningOptions,
  type KeptProcess,
  keepRunning,
  type LifeEvent,
} from '../../platform/processes/keep-running.ts';
import { launchNode } from '../../platform/processes/node-process.ts';
import { openRotatingLog } from '../../platform/processes/rotating-log.ts';
import { identify } from '../../platform/processes/process-identity.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { waitUntil } from '../harness/wait-until.ts';

const running: KeptProcess[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((kept) => kept.stop(0)));
});

const READY = 'process.send({ type: "ready", n: 1 });';
const STAY = 'process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1000);';

/** Keeps a program running whose text is given; its events are collected. */
function keep(source: string, options: Partial<KeepRunningOptions> = {}) {
  const folder = temporaryFolder();
  const module = join(folder, 'program.mjs');
  writeFileSync(module, source);
  const log = openRotatingLog(join(folder, 'program.log'));
  const events: LifeEvent[] = [];
  const kept = keepRunning({
    launch: () => launchNode({ name: 'program', module, args: [], env: {}, cwd: folder, log, show: () => {} }),
    onEvent: (event) => void events.push(event),
    delayMs: 5,
    ...options,
  });
  running.push(kept);
  const gone = () => events.filter((event) => event.type === 'gone');
  const spawned = () => events.filter((event) => event.type === 'spawned').map((event) => event.pid);
  return { kept, events, gone, spawned, folder, log: join(folder, 'program.log') };
}

describe('a process that is kept running', () => {
  test('hands over what it said when it was ready', async () => {
    const { kept } = keep(READY + STAY);
    await expect(kept.firstReady).resolves.toEqual({ type: 'ready', n: 1 });
  });

  test('comes back when it is killed', async () => {
    const { kept, events, spawned } = keep(READY + STAY);
    await kept.firstReady;
    process.kill(spawned()[0]!, 'SIGKILL');
    await waitUntil(() => events.filter((event) => event.type === 'ready').length === 2);
    expect(events.map((event) => event.type)).toEqual(['spawned', 'ready', 'gone', 'spawned', 'ready']);
    expect(events[2]).toMatchObject({ why: 'was ended by SIGKILL', restartInMs: 5 });
  });

  test('is tried again with pauses that double up to a limit, as often as it takes once it was ready', async () => {
    const { kept, gone } = keep(`${READY} process.exit(1);`, { maxDelayMs: 20 });
    await kept.firstReady;
    await waitUntil(() => gone().length >= 5);
    expect(
      gone()
        .slice(0, 5)
        .map((event) => event.restartInMs),
    ).toEqual([5, 10, 20, 20, 20]);
  });

  test('has its failures forgotten after a life of some length', async () => {
    const { kept, gone } = keep(`${READY} process.exit(1);`, { settledMs: 0 });
    await kept.firstReady;
    await waitUntil(() => gone().length >= 3);
    expect(
      gone()
        .slice(0, 3)
        .map((event) => event.restartInMs),
    ).toEqual([5, 5, 5]);
  });

  test('is given up when it was never ready, with its last words and without its stack', async () => {
    const { kept, gone, log } = keep('throw new Error("the moon is in the wrong place");', { attempts: 2 });
    await expect(kept.firstReady).rejects.toThrow('ended with status 1');
    expect(gone().map((event) => event.restartInMs)).toEqual([5, undefined]);
    expect(gone()[1]?.lastWords.join('\n')).toContain('Error: the moon is in the wrong place');
    expect(gone()[1]?.lastWords.join('\n')).not.toMatch(/^\s+at /m);
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line)).some((line) => /^\s+at /.test(line.msg))).toBe(true);
  });

  test('is given up at once when its configuration is wrong', async () => {
    const { kept, gone } = keep('process.exitCode = 2; process.disconnect();');
    await expect(kept.firstReady).rejects.toThrow('ended with status 2');
    expect(gone()).toHaveLength(1);
  });

  test('leaves in order when it is stopped, and does not come back', async () => {
    const { kept, spawned, gone, folder } = keep(
      `import { writeFileSync } from 'node:fs';
       process.on('SIGTERM', () => { writeFileSync('left', ''); process.exit(0); });
       setInterval(() => {}, 1000); ${READY}`,
    );
    await kept.firstReady;
    await kept.stop(60_000);
    expect(existsSync(join(folder, 'left'))).toBe(true);
    expect(identify(spawned()[0]!)).toBeUndefined();
    expect(gone()).toEqual([]);
    expect(spawned()).toHaveLength(1);
  });

  test('is killed when it does not leave', async () => {
    const { kept, spawned } = keep(`process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); ${READY}`);
    await kept.firstReady;
    await kept.stop(50);
    expect(identify(spawned()[0]!)).toBeUndefined();
  });

  test('can be stopped while it waits to be started again', async () => {
    const { kept, gone } = keep('process.exit(1);', { delayMs: 3_600_000, maxDelayMs: 3_600_000 });
    await waitUntil(() => gone().length === 1);
    await kept.stop(1_000);
    await expect(kept.firstReady).rejects.toThrow('stopped');
  });

  test('that cannot even be started counts as failed', async () => {
    const { kept, gone } = keep('', {
      launch: () => Promise.reject(new Error('no such thing')),
      attempts: 2,
    });
    await expect(kept.firstReady).rejects.toThrow('no such thing');
    expect(gone()).toHaveLength(2);
  });
});
