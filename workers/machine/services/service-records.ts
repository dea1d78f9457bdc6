import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonFile, removeFile, writeJsonFile } from '../../../platform/processes/json-file.ts';
import { isRunning, type ProcessIdentity } from '../../../platform/processes/process-identity.ts';
import { environmentOf, readProcessTable } from '../../../platform/processes/process-table.ts';
import { MARK_VARIABLE, watchTree } from '../../../platform/processes/process-tree.ts';

/** Pid file of one life of an instance. */
export interface ServiceRecord extends ProcessIdentity {
  name: string;
  /** Marks all its processes, see `MARK_VARIABLE`. */
  mark: string;
}

/** Pid files in a folder, one an instance: what a killed supervisor leaves behind is found by them. */
export interface ServiceRecords {
  /** A mark unlike any other, that tells this machine's processes from others'. */
  newMark(name: string): string;
  write(record: ServiceRecord): void;
  remove(name: string): void;
  /**
   * Stops whatever an earlier life left running. A process is only ever hit when number and start time are those of
   * the file, or when it carries a mark of this folder.
   * @returns names of the instances that were still there, each once
   */
  cleanUp(graceMs?: number): Promise<string[]>;
}

const GRACE_MS = 3_000;

/**
 * @param scope tells this machine's marks from those of another on the same box, e.g. its id
 */
export function openServiceRecords(folder: string, scope: string): ServiceRecords {
  const prefix = `${scope}/`;
  const file = (name: string) => join(folder, `${name}.pid.json`);
  return {
    newMark: (name) => `${prefix}${name}/${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`,
    write(record) {
      mkdirSync(folder, { recursive: true });
      writeJsonFile(file(record.name), record);
    },
    remove: (name) => removeFile(file(name)),
    async cleanUp(graceMs = GRACE_MS) {
      const found = [...readRecords(folder), ...strayRecords(prefix)];
      const names = new Set<string>();
      await Promise.all(
        found.map(async (record) => {
          const tree = watchTree(record, record.mark);
          if (tree.members().length === 0) return;
          names.add(record.name);
          tree.signal('SIGTERM');
          if (!(await tree.gone(graceMs))) await tree.kill();
        }),
      );
      for (const { name } of readRecords(folder)) removeFile(file(name));
      return [...names];
    },
  };
}

function readRecords(folder: string): ServiceRecord[] {
  let files: string[];
  try {
    files = readdirSync(folder).filter((name) => name.endsWith('.pid.json'));
  } catch {
    return [];
  }
  return files.flatMap((name) => {
    const record = readJsonFile<ServiceRecord>(join(folder, name));
    // A start time that is not known proves nothing; the mark alone may still find the children.
    return record && typeof record.mark === 'string' && record.started !== '' ? [known(record)] : [];
  });
}

/** The number may be another process's by now: then only the mark counts. */
function known(record: ServiceRecord): ServiceRecord {
  return isRunning(record) ? record : { ...record, pid: 0, started: '' };
}

/** Processes that carry a mark of ours though no file names them: the file was lost, or is of a life before. */
function strayRecords(prefix: string): ServiceRecord[] {
  const table = readProcessTable();
  const own = ancestors(table);
  const marks = new Map<string, ServiceRecord>();
  for (const { pid } of table) {
    if (own.has(pid)) continue;
    const mark = environmentOf(pid, MARK_VARIABLE);
    if (!mark?.startsWith(prefix) || marks.has(mark)) continue;
    marks.set(mark, { name: mark.slice(prefix.length).split('/')[0] as string, mark, pid: 0, started: '' });
  }
  return [...marks.values()];
}

/** This process and those it came out of: a terminal that is itself a service may have started us. */
function ancestors(table: readonly { pid: number; parent: number }[]): Set<number> {
  const parents = new Map(table.map(({ pid, parent }) => [pid, parent]));
  const found = new Set<number>();
  for (let pid: number | undefined = process.pid; pid !== undefined && !found.has(pid); pid = parents.get(pid))
    found.add(pid);
  return found;
}
