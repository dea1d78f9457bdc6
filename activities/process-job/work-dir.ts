import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder of which nobody can say whose it is goes after this. Milliseconds. */
const STALE = 7 * 86_400_000;
/** In each folder: the id of the workflow it belongs to. */
const OWNER = '.workflow-id';

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
export function workDirOf(root: string, job: { jobId: string; workflowId: string }, mayExist: boolean): WorkDir {
  const where = () => join(root, createHash('sha256').update(job.jobId).digest('hex').slice(0, 32));
  let made: string | undefined;
  return {
    get path() {
      if (made !== undefined) return made;
      const path = where();
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, OWNER), job.workflowId);
      return (made = path);
    },
    remove: async () => {
      if (made !== undefined || mayExist) await rm(made ?? where(), { recursive: true, force: true });
    },
  };
}

export interface SweepOptions {
  /** How long a folder may lie untouched when nobody knows whether its job has ended; default a week. Milliseconds. */
  staleMs?: number;
  /** Whether that workflow has ended; undefined: not known. */
  hasEnded?: (workflowId: string) => Promise<boolean | undefined>;
}

/**
 * Removes folders whose job has ended without an attempt that could have done it: cancelled while it waited for a retry,
 * with its worker dead, terminated, or gone on on another machine.
 */
export async function sweepWorkDirs(root: string, now: number, options: SweepOptions = {}): Promise<void> {
  const { staleMs = STALE, hasEnded } = options;
  for (const name of await readdir(root).catch(() => [] as string[])) {
    const path = join(root, name);
    const owner = await readFile(join(path, OWNER), 'utf8').catch(() => '');
    const ended = owner && hasEnded ? await hasEnded(owner) : undefined;
    const done = ended ?? now - (await lastTouched(path)) > staleMs;
    if (done) await rm(path, { recursive: true, force: true });
  }
}

/** When something was last put into the folder or into one of those inside. Epoch milliseconds. */
async function lastTouched(path: string): Promise<number> {
  const inside = await readdir(path).catch(() => [] as string[]);
  const times = await Promise.all(
    [path, ...inside.map((name) => join(path, name))].map((one) => stat(one).catch(() => undefined)),
  );
  // Gone meanwhile: whatever is there now is new.
  if (!times[0]) return Number.POSITIVE_INFINITY;
  return Math.max(...times.map((info) => info?.mtimeMs ?? 0));
}
