import { execFileSync } from 'node:child_process';
import { bootId, readProcStat } from './proc-stat.ts';

/** A process id together with what tells it from a later process of the same number. */
export interface ProcessIdentity {
  pid: number;
  /** When the system says it was started, in the system's own words; empty where that is not known. */
  started: string;
}

/** @returns undefined when there is no such process, or only its corpse */
export function identify(pid: number): ProcessIdentity | undefined {
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  if (process.platform === 'linux') return identifyLinux(pid);
  if (process.platform === 'win32') return { pid, started: '' };
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
    return started.trim() ? { pid, started: started.trim().split(/\s+/).join(' ') } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether that process still runs, and not another that got its number. */
export function isRunning(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && (now.started === identity.started || identity.started === '');
}

export function ownIdentity(): ProcessIdentity {
  return identify(process.pid) ?? { pid: process.pid, started: '' };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function identifyLinux(pid: number): ProcessIdentity | undefined {
  try {
    const { state, started } = readProcStat(pid);
    return state === 'Z' || state === 'X' ? undefined : { pid, started: `${bootId()} ${started}` };
  } catch {
    return undefined;
  }
}
