import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';
import { readJsonFile, removeFile, writeJsonFile } from './json-file.ts';

/** How long a left-over may take to leave before it is killed. Temporal takes about a second. */
const PATIENCE_MS = 8_000;

/** The child processes there are, kept on disk from the moment each is spawned. */
export interface ProcessRecord {
  add(name: string, pid: number): void;
  remove(pid: number): void;
  /** At the end of an ordered stop. */
  clear(): void;
}

type Entry = ProcessIdentity & { name: string };

export function recordProcesses(path: string): ProcessRecord {
  let entries: Entry[] = [];
  const write = () => writeJsonFile(path, entries);
  return {
    add(name, pid) {
      if (entries.some((entry) => entry.pid === pid)) return;
      entries = [...entries, { name, ...(identify(pid) ?? { pid, started: '' }) }];
      write();
    },
    remove(pid) {
      entries = entries.filter((entry) => entry.pid !== pid);
      write();
    },
    clear() {
      entries = [];
      removeFile(path);
    },
  };
}

/**
 * Stops what a killed supervisor left behind: Temporal above all, which would hold the database and its port.
 * Processes are known by number and start time, so nobody else's is ever hit.
 * @returns names of what was still there
 */
export async function stopLeftOvers(path: string): Promise<string[]> {
  const entries = (readJsonFile<Entry[]>(path) ?? []).filter((entry) => entry.started !== '' && isRunning(entry));
  for (const entry of entries) signal(entry, 'SIGTERM');
  const deadline = Date.now() + PATIENCE_MS;
  while (entries.some(isRunning)) {
    if (Date.now() > deadline) for (const entry of entries.filter(isRunning)) signal(entry, 'SIGKILL');
    await sleep(50);
  }
  removeFile(path);
  return entries.map((entry) => entry.name);
}

function signal(entry: Entry, name: NodeJS.Signals): void {
  try {
    process.kill(entry.pid, name);
  } catch {
    // Gone between the look and the signal: that is what was wanted.
  }
}
