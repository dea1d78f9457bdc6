import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A job that was given up elsewhere leaves its folder here; after this it goes. Milliseconds. */
const STALE = 7 * 86_400_000;

export interface WorkDirs {
  /** The job's folder on this machine; made by who first needs it. */
  pathOf(jobId: string): string;
  remove(jobId: string): Promise<void>;
}

/** Folders that jobs keep between attempts. Named by hash: a workflow id may hold any character. */
export function createWorkDirs(root: string): WorkDirs {
  const pathOf = (jobId: string) => join(root, createHash('sha256').update(jobId).digest('hex').slice(0, 32));
  return { pathOf, remove: (jobId) => rm(pathOf(jobId), { recursive: true, force: true }) };
}

/** Removes folders nobody has touched for a week. */
export async function sweepWorkDirs(root: string, now: number): Promise<void> {
  for (const name of await readdir(root).catch(() => [] as string[])) {
    const path = join(root, name);
    const info = await stat(path).catch(() => undefined);
    if (info && now - info.mtimeMs > STALE) await rm(path, { recursive: true, force: true });
  }
}
