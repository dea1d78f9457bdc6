import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from './durable-file.ts';

/** `.job.json` in a job's folder: whose outputs these are, and how long they are kept. */
export interface JobRecord {
  job_id: string;
  /** RFC 3339; absent while the job goes on. */
  expires_at?: string;
}

export const JOB_RECORD_FILE = '.job.json';

/** undefined when there is none or it cannot be read. */
export async function readJobRecord(folder: string): Promise<JobRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(join(folder, JOB_RECORD_FILE), 'utf8')) as JobRecord;
    return typeof record.job_id === 'string' ? record : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param mode `keep` leaves an existing record alone; `replace` writes only where the job has a folder, that is outputs
 */
export async function writeJobRecord(
  folder: string,
  record: JobRecord,
  temporaryFolder: string,
  mode: 'keep' | 'replace',
): Promise<void> {
  const there = await isThere(mode === 'keep' ? join(folder, JOB_RECORD_FILE) : folder);
  if (there === (mode === 'keep')) return;
  await writeDurably(join(folder, JOB_RECORD_FILE), JSON.stringify(record), temporaryFolder);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
