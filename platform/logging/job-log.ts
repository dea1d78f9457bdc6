import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** One line about a job. Fields beside these three are the logger's own. */
export interface JobLogLine {
  time: string;
  level: string;
  message: string;
  [field: string]: unknown;
}

export interface JobLogs {
  /** Oldest first; the latest when there are more than asked for. */
  lines: JobLogLine[];
  /** Files that were looked through; 0: nothing writes logs to this folder. */
  files: number;
  /** Some files are longer than what was looked through. */
  partial: boolean;
}

/** From the end of each file at most so much is looked through. Bytes. */
const TAIL_BYTES = 8 * 1_024 * 1_024;
const MAX_FILES = 64;

/**
 * The lines of the log files of a folder (`*.log`, and `*.log.1` and so on where they rotate) that carry a job's id.
 * The work is bounded by the files' number and the part of each that is read, never by their length.
 */
export async function readJobLog(folder: string, jobId: string, limit: number): Promise<JobLogs> {
  const names = (await readdir(folder).catch(() => []))
    .filter((name) => /\.log(\.\d+)?$/.test(name))
    .slice(0, MAX_FILES);
  // As the logger writes it: a line that does not hold this text is not about the job, and need not be parsed.
  const needle = Buffer.from(`"job_id":${JSON.stringify(jobId)}`);
  const found: JobLogLine[] = [];
  let partial = false;
  for (const name of names) {
    const tail = await readTail(join(folder, name));
    if (!tail) continue;
    partial ||= tail.partial;
    for (const line of linesWith(tail.bytes, needle)) {
      const parsed = parseLine(line, jobId);
      if (parsed) found.push(parsed);
    }
  }
  found.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  return { lines: found.slice(-limit), files: names.length, partial };
}

async function readTail(path: string): Promise<{ bytes: Buffer; partial: boolean } | undefined> {
  let handle;
  try {
    handle = await open(path, 'r');
    const { size } = await handle.stat();
    const length = Math.min(size, TAIL_BYTES);
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await handle.read(bytes, 0, length, size - length);
    return { bytes: bytes.subarray(0, bytesRead), partial: size > length };
  } catch {
    // Rotated away or unreadable: the other files still tell something.
    return undefined;
  } finally {
    await handle?.close();
  }
}

function* linesWith(bytes: Buffer, needle: Buffer): Generator<string> {
  for (let at = bytes.indexOf(needle); at >= 0; ) {
    const start = bytes.lastIndexOf(10, at) + 1;
    const next = bytes.indexOf(10, at);
    const end = next < 0 ? bytes.length : next;
    yield bytes.toString('utf8', start, end);
    at = bytes.indexOf(needle, end);
  }
}

function parseLine(line: string, jobId: string): JobLogLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { time, level, msg, job_id: id, v: _v, ...rest } = value as Record<string, unknown>;
  // The text may have stood inside another field.
  if (id !== jobId) return undefined;
  return { time: text(time), level: text(level), message: text(msg), ...rest };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
