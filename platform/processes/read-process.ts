import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface ProcessFacts {
  /** Process id of the parent. */
  parent: number;
  /** Program and arguments, joined with blanks. */
  command: string;
}

/** @returns undefined when there is no such process, or on a system where one cannot look (Windows) */
export function readProcess(pid: number): ProcessFacts | undefined {
  if (process.platform === 'win32') return undefined;
  try {
    return process.platform === 'linux' ? readLinux(pid) : readWithPs(pid);
  } catch {
    return undefined;
  }
}

/** proc(5): the parent is field 4 of stat, the second after the name in brackets. */
function readLinux(pid: number): ProcessFacts {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  return { parent, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') };
}

function readWithPs(pid: number): ProcessFacts | undefined {
  const match = /^\s*(\d+)\s+(.*)$/m.exec(
    execFileSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' }),
  );
  return match ? { parent: Number(match[1]), command: match[2] as string } : undefined;
}
