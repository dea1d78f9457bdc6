import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessIdentity } from './process-identity.ts';
import { environmentOf, readProcessTable, residentBytes, type TableEntry } from './process-table.ts';

/** Variable that marks all processes of a tree; it is inherited also by those that left group and session. */
export const MARK_VARIABLE = 'SWITCHYARD_PROCESS_MARK';

export interface TreeUsage {
  processes: number;
  /** Resident; what processes share is counted for each. */
  memoryBytes: number;
  /** Share of one core since the last look, so that four busy cores are 400; null at the first look. */
  cpuPercent: number | null;
}

/** A process with everything that came out of it. */
export interface ProcessTree {
  /** @param table what `readProcessTable` said just now, when several trees are looked at together */
  usage(table?: readonly TableEntry[]): TreeUsage;
  /** Sends a signal to the whole group at once and to every member outside of it. */
  signal(name: NodeJS.Signals): void;
  /** Kills until nothing is left. @returns ids of what could not be killed: processes stuck in the kernel */
  kill(timeoutMs?: number): Promise<number[]>;
  /** Waits for the last one to leave by itself. @returns whether it did */
  gone(timeoutMs: number): Promise<boolean>;
  /** Kills what there is without waiting, for the last moment of our own process. */
  killNow(): void;
  members(): ProcessIdentity[];
}

const KILL_TIMEOUT_MS = 10_000;
const LOOK_MS = 50;

/**
 * Watches what a process starts. A member is who descends from a member, is in the leader's group or session, or carries
 * the mark in its environment; once seen it stays one, whatever it does to hide. Not found is only what left group and
 * session, lost its parent and cleared its environment, all between two looks.
 * @param leader the first process, started as the head of a process group of its own
 * @param mark value of {@link MARK_VARIABLE} in its environment, unlike any other's
 */
export function watchTree(leader: ProcessIdentity, mark: string): ProcessTree {
  const known = new Map<string, TableEntry>([
    [key(leader), { ...leader, parent: 0, group: leader.pid, session: 0, cpuSeconds: 0 }],
  ]);
  /** Whether a process carries the mark, read once each. */
  const marked = new Map<string, boolean>();
  let measured: { at: number; cpu: Map<string, number> } | undefined;

  function look(table: readonly TableEntry[] = readProcessTable()): TableEntry[] {
    const present = new Set(table.map(key));
    for (const id of marked.keys()) if (!present.has(id)) marked.delete(id);
    const members = new Set<TableEntry>();
    const pids = new Set<number>();
    // The number of a group is not given away while somebody is in it: it is ours as long as one we know is.
    const isOurs = table.some((entry) => entry.group === leader.pid && known.has(key(entry)));
    const add = (entry: TableEntry) => {
      members.add(entry);
      pids.add(entry.pid);
    };
    for (const entry of table) {
      const inGroup = isOurs && (entry.group === leader.pid || entry.session === leader.pid);
      if (known.has(key(entry)) || inGroup || carriesMark(entry)) add(entry);
    }
    for (let before = -1; before !== members.size; ) {
      before = members.size;
      for (const entry of table) if (!members.has(entry) && pids.has(entry.parent)) add(entry);
    }
    known.clear();
    for (const entry of members) known.set(key(entry), entry);
    return [...members];
  }

  function carriesMark(entry: TableEntry): boolean {
    const id = key(entry);
    let found = marked.get(id);
    if (found === undefined) {
      found = environmentOf(entry.pid, MARK_VARIABLE) === mark;
      marked.set(id, found);
    }
    return found;
  }

  function signalAll(name: NodeJS.Signals): TableEntry[] {
    const members = look();
    if (process.platform === 'win32') killOnWindows(leader.pid);
    if (members.some((entry) => entry.group === leader.pid)) send(-leader.pid, name);
    for (const entry of members) if (entry.group !== leader.pid) send(entry.pid, name);
    return members;
  }

  async function gone(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (look().length > 0) {
      if (performance.now() >= deadline) return false;
      await sleep(LOOK_MS);
    }
    return true;
  }

  return {
    members: () => look().map(({ pid, started }) => ({ pid, started })),
    usage(table) {
      const members = look(table);
      const now = performance.now();
      const cpu = new Map(members.map((entry) => [key(entry), entry.cpuSeconds]));
      const since = measured;
      measured = { at: now, cpu };
      let used = 0;
      for (const [id, seconds] of cpu) used += seconds - (since?.cpu.get(id) ?? 0);
      return {
        processes: members.length,
        memoryBytes: members.reduce((sum, entry) => sum + residentBytes(entry.pid), 0),
        cpuPercent: since === undefined || now === since.at ? null : Math.max(0, (used / (now - since.at)) * 100_000),
      };
    },
    signal: (name) => void signalAll(name),
    gone,
    killNow: () => void signalAll('SIGKILL'),
    async kill(timeoutMs = KILL_TIMEOUT_MS) {
      const deadline = performance.now() + timeoutMs;
      // Again and again: what forks while it is being killed has left children behind.
      for (;;) {
        const left = signalAll('SIGKILL');
        if (left.length === 0) return [];
        if (performance.now() >= deadline) return left.map(({ pid }) => pid);
        await sleep(LOOK_MS);
      }
    },
  };
}

function key({ pid, started }: ProcessIdentity): string {
  return `${pid} ${started}`;
}

function send(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // Gone between the look and the signal: that is what was wanted.
  }
}

/** Windows has neither groups nor signals; its own tool ends a tree. */
function killOnWindows(pid: number): void {
  try {
    execFileSync('taskkill', ['/PID', String(pid), '/T', '/F'], { stdio: 'ignore', windowsHide: true });
  } catch {
    // Gone already.
  }
}
