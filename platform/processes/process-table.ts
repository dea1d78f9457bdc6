import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { bootId, readProcStat } from './proc-stat.ts';

/** One living process. */
export interface TableEntry {
  pid: number;
  /** As in `ProcessIdentity`. */
  started: string;
  parent: number;
  group: number;
  session: number;
  /** User and system time since its start, seconds. */
  cpuSeconds: number;
}

/** Clock ticks per second as /proc counts them: 100 on every Linux that Node runs on (USER_HZ). */
const TICKS = 100;

/**
 * All living processes of this machine. On Linux about 60 µs a process, elsewhere one run of `ps`; empty on Windows,
 * where trees are left to `taskkill`.
 */
export function readProcessTable(): TableEntry[] {
  if (process.platform === 'win32') return [];
  return process.platform === 'linux' ? readLinux() : readWithPs();
}

function readLinux(): TableEntry[] {
  const entries: TableEntry[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const { state, started, cpuTicks, parent, group, session } = readProcStat(name);
      if (state === 'Z' || state === 'X') continue;
      const identity = { pid: Number(name), started: `${bootId()} ${started}` };
      entries.push({ ...identity, parent, group, session, cpuSeconds: cpuTicks / TICKS });
    } catch {
      // Gone since the folder was listed.
    }
  }
  return entries;
}

/** `ps` of the BSDs and macOS; the start comes last because it holds blanks. */
function readWithPs(): TableEntry[] {
  const text = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,sess=,stat=,time=,lstart='], { encoding: 'utf8' });
  return text.split('\n').flatMap((line) => {
    const [pid, parent, group, session, state, time, ...started] = line.trim().split(/\s+/);
    if (!pid || state?.startsWith('Z')) return [];
    return [
      {
        pid: Number(pid),
        started: started.join(' '),
        parent: Number(parent),
        group: Number(group),
        session: Number(session) || 0,
        cpuSeconds: seconds(time ?? ''),
      },
    ];
  });
}

/** `1-02:03:04`, `02:03.45` */
function seconds(time: string): number {
  const [clock, days] = time.split('-').reverse();
  return (clock ?? '').split(':').reduce((sum, part) => sum * 60 + Number(part), 0) + Number(days ?? 0) * 86_400;
}

/** Resident memory in bytes; what processes share is counted for each. 0 for one that is gone. */
export function residentBytes(pid: number): number {
  try {
    if (process.platform === 'linux') {
      const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      return Number(kilobytes ?? 0) * 1_024;
    }
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).trim()) * 1_024;
  } catch {
    return 0;
  }
}

/** Value of a variable in the environment a process was started with; undefined where that cannot be seen. */
export function environmentOf(pid: number, variable: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const text = `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`;
    const from = text.indexOf(`\0${variable}=`);
    if (from < 0) return undefined;
    const start = from + variable.length + 2;
    const end = text.indexOf('\0', start);
    return text.slice(start, end < 0 ? undefined : end);
  } catch {
    return undefined;
  }
}
