import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readProcStat } from './proc-stat.ts';

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

function readLinux(pid: number): ProcessFacts {
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  return { parent: readProcStat(pid).parent, command };
}

function readWithPs(pid: number): ProcessFacts | undefined {
  const match = /^\s*(\d+)\s+(.*)$/m.exec(
    execFileSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' }),
  );
  return match ? { parent: Number(match[1]), command: match[2] as string } : undefined;
}
