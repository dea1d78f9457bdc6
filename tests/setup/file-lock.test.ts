import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { tryLock, withFileLock } from '../../platform/processes/file-lock.ts';
import { identify, isRunning, ownIdentity } from '../../platform/processes/process-identity.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

let child: ChildProcess | undefined;
afterEach(() => void child?.kill('SIGKILL'));

async function otherProcess(): Promise<number> {
  child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore', env: {} });
  await once(child, 'spawn');
  return child.pid as number;
}

async function end(): Promise<void> {
  child?.kill('SIGKILL');
  if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

describe('a file lock', () => {
  test('is held by one at a time', () => {
    const path = join(temporaryFolder(), 'deep', 'lock');
    const first = tryLock(path);
    expect(first).toHaveProperty('release');
    expect(tryLock(path)).toEqual(ownIdentity());
    if ('release' in first) first.release();
    expect(existsSync(path)).toBe(false);
    expect(tryLock(path)).toHaveProperty('release');
  });

  test('is held by a living process, and free once that is dead', async () => {
    const path = join(temporaryFolder(), 'lock');
    const pid = await otherProcess();
    writeFileSync(path, JSON.stringify(identify(pid)));
    expect(tryLock(path)).toMatchObject({ pid });
    await end();
    expect(tryLock(path)).toHaveProperty('release');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(ownIdentity());
  });

  test('is free when its holder’s number belongs to another process now', async () => {
    const path = join(temporaryFolder(), 'lock');
    writeFileSync(path, JSON.stringify({ pid: await otherProcess(), started: 'long ago' }));
    expect(tryLock(path)).toHaveProperty('release');
  });

  test('is free when the file holds rubbish', () => {
    const path = join(temporaryFolder(), 'lock');
    writeFileSync(path, 'rubbish');
    expect(tryLock(path)).toHaveProperty('release');
  });

  test('lets everybody have a turn, one after the other', async () => {
    const path = join(temporaryFolder(), 'lock');
    let inside = 0;
    const turns: number[] = [];
    const turn = (n: number) =>
      withFileLock(
        path,
        () => {},
        async () => {
          inside++;
          await new Promise((resolve) => setImmediate(resolve));
          expect(inside).toBe(1);
          turns.push(n);
          inside--;
        },
      );
    await Promise.all([turn(1), turn(2), turn(3)]);
    expect(new Set(turns)).toEqual(new Set([1, 2, 3]));
  });
});

describe('a process’s identity', () => {
  test('ends with the process', async () => {
    const identity = identify(await otherProcess());
    expect(identity && isRunning(identity)).toBe(true);
    await end();
    expect(identity && isRunning(identity)).toBe(false);
  });

  test('is nothing for numbers that are none', () => {
    for (const pid of [0, -1, 1.5, Number.NaN]) expect(identify(pid)).toBeUndefined();
  });
});
