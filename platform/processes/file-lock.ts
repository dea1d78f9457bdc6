import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, ownIdentity, type ProcessIdentity } from './process-identity.ts';

export interface FileLock {
  release(): void;
}

/**
 * Takes a lock that dies with its process: a file that names the holder by id and start time. The folder is made.
 * @returns the lock, or who holds it
 */
export function tryLock(path: string): FileLock | ProcessIdentity {
  mkdirSync(dirname(path), { recursive: true });
  const own = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(own, JSON.stringify(ownIdentity()));
  try {
    for (;;) {
      // A link appears with its content at once, so nobody ever reads a half-written holder.
      if (makeLink(own, path)) return { release: () => rmSync(path, { force: true }) };
      const holder = readHolder(path);
      if (holder && isRunning(holder)) return holder;
      if (holder) removeAbandoned(path, holder);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Waits for its turn.
 * @param onWait told once who has the lock now
 * @param signal ends the waiting, not the work; its reason is thrown
 */
export async function withFileLock<T>(
  path: string,
  onWait: (holder: ProcessIdentity) => void,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  let told = false;
  for (;;) {
    const lock = tryLock(path);
    if ('release' in lock) {
      try {
        return await work();
      } finally {
        lock.release();
      }
    }
    if (!told) onWait(lock);
    told = true;
    signal?.throwIfAborted();
    await sleep(100);
  }
}

function makeLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // Whatever is in there, it is no living holder.
    return { pid: 0, started: '' };
  }
}

/** Renames first, so that of several takers one removes it; a lock somebody took in between is put back. */
function removeAbandoned(path: string, expected: ProcessIdentity): void {
  const aside = `${path}.${process.pid}.old`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const found = readHolder(aside);
  if (found && (found.pid !== expected.pid || found.started !== expected.started)) makeLink(aside, path);
  rmSync(aside, { force: true });
}
