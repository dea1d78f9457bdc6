import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryPath } from './durable-file.ts';
import type { Layout } from './layout.ts';
import { decodeJobFolder } from './job-folder.ts';
import { readJobRecord } from './job-record.ts';

export interface SweepLimits {
  inputRetentionMs: number;
  staleTemporaryMs: number;
}

/**
 * Removes outputs past their expiry, inputs unused for the retention, and temporary files of dead processes. Several
 * sweeps at once do no harm: what another one took first is skipped.
 * @returns ids of the jobs whose outputs went
 */
export async function sweepStore(at: Layout, now: Date, limits: SweepLimits): Promise<string[]> {
  const gone = await sweepJobs(at, now);
  await sweepInputs(at, now.getTime() - limits.inputRetentionMs);
  await sweepTemporary(at, now.getTime() - limits.staleTemporaryMs);
  return gone;
}

async function sweepJobs(at: Layout, now: Date): Promise<string[]> {
  const gone: string[] = [];
  for (const entry of await readdir(at.jobs, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const folder = join(at.jobs, entry.name);
    const record = await readJobRecord(folder);
    if (!record?.expires_at || Date.parse(record.expires_at) > now.getTime()) continue;
    // Renamed first: readers see all of a job's outputs or none.
    const grave = temporaryPath(at.temporary);
    if (!(await moved(folder, grave))) continue;
    await rm(grave, { recursive: true, force: true });
    gone.push(record.job_id || (decodeJobFolder(entry.name) ?? entry.name));
  }
  return gone;
}

async function sweepInputs(at: Layout, usedBefore: number): Promise<void> {
  for (const name of await readdir(at.inputs)) {
    const path = join(at.inputs, name);
    const metadata = /^\.([0-9a-f]{64})\.json$/.exec(name);
    if (metadata) {
      // Metadata whose file went with an interrupted sweep, or never came.
      const file = await lstat(join(at.inputs, metadata[1] as string)).catch(() => undefined);
      if (!file && (await lastUse(path)) < usedBefore) await rm(path, { force: true });
    } else if ((await lastUse(path)) < usedBefore) {
      await rm(path, { force: true });
      await rm(join(at.inputs, `.${name}.json`), { force: true });
    }
  }
}

async function sweepTemporary(at: Layout, writtenBefore: number): Promise<void> {
  for (const name of await readdir(at.temporary)) {
    const path = join(at.temporary, name);
    if ((await lastUse(path)) < writtenBefore) await rm(path, { recursive: true, force: true });
  }
}

async function lastUse(path: string): Promise<number> {
  return lstat(path).then(
    (s) => s.mtimeMs,
    () => Number.POSITIVE_INFINITY,
  );
}

async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
