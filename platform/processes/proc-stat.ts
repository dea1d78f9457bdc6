import { readFileSync } from 'node:fs';

/** What is used of /proc/PID/stat; proc(5). */
export interface ProcStat {
  /** `Z`: only its corpse is left, `X`: gone. */
  state: string;
  parent: number;
  group: number;
  session: number;
  /** User and system time, in clock ticks. */
  cpuTicks: number;
  /** Ticks between the boot and its start. */
  started: string;
}

/** @throws Error when there is no such process. Linux only */
export function readProcStat(pid: number | string): ProcStat {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, field 2, stands in brackets and may hold anything; behind it comes field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    state: fields[0] as string,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    cpuTicks: Number(fields[11]) + Number(fields[12]),
    started: fields[19] as string,
  };
}

let boot: string | undefined;

/** Tells the ticks of one boot from those of another. Asked once: it does not change while we run. */
export function bootId(): string {
  boot ??= readBootId();
  return boot;
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
