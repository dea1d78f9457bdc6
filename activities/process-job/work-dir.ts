import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A job that was given up elsewhere leaves its folder here; after this it goes. Milliseconds. */
const STALE = 7 * 86_400_000;

/** The folder of one job. */
export interface WorkDir {
  /** Its path; the folder is made when this is first asked for, so that a job without files costs no disk access. */
  readonly path: string;
  /** Removes what this attempt or, as far as it may have, an earlier one made. */
  remove(): Promise<void>;
}

/**
 * The folder a job keeps between attempts. Named by hash: a workflow id may hold any character.
 * @param mayExist an earlier attempt may have made it
 */
export function workDirOf(root: string, jobId: string, mayExist: boolean): WorkDir {
  const where = () => join(root, createHash('sha256').update(jobId).digest('hex').slice(0, 32));
  let made: string | undefined;
  return {
    get path() {
      if (made === undefined) mkdirSync((made = where()), { recursive: true });
      return made;
    },
    remove: async () => {
      if (made !== undefined || mayExist) await rm(made ?? where(), { recursive: true, force: true });
    },
  };
}

/**
 * Removes folders that nobody has touched for a while.
 * @param staleMs default: a week. Milliseconds
 */
export async function sweepWorkDirs(root: string, now: number, staleMs = STALE): Promise<void> {
  for (const name of await readdir(root).catch(() => [] as string[])) {
    const path = join(root, name);
    const info = await stat(path).catch(() => undefined);
    if (info && now - info.mtimeMs > staleMs) await rm(path, { recursive: true, force: true });
  }
}
