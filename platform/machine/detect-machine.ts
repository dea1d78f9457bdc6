import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, hostname, totalmem } from 'node:os';
import { dirname } from 'node:path';
import type { MachineFacts } from '../../contract/machine-facts.ts';
import { containerLimits } from './container-limits.ts';
import { detectGpus } from './detect-gpus.ts';
import { runTool, type RunTool } from './run-tool.ts';

export interface DetectMachineOptions {
  /** Whose file system is told; it need not exist yet. */
  dataDir: string;
  /** Pretend so many GPUs. Default: 0, look for real ones. */
  mockGpus?: number;
  /** Default: runs the vendors' tools. */
  run?: RunTool;
}

/** What this machine has. Never rejects; costs one short process per kind of GPU tool that is installed. */
export async function detectMachine(options: DetectMachineOptions): Promise<MachineFacts> {
  const { dataDir, mockGpus = 0, run = runTool } = options;
  const [{ gpus, problems }, disk] = await Promise.all([
    detectGpus({ run, platform: process.platform, mockGpus }),
    readDisk(dataDir),
  ]);
  return {
    type: gpus.length > 0 ? 'gpu' : 'api',
    hostname: hostname(),
    platform: process.platform,
    arch: process.arch,
    gpus,
    gpu_problems: problems,
    ...readCpuAndMemory(),
    disk,
  };
}

/** Cheap enough to be read every few seconds. */
function readCpuAndMemory(): Pick<MachineFacts, 'cpu' | 'memory'> {
  const limits = process.platform === 'linux' ? containerLimits() : {};
  const total = Math.min(totalmem(), limits.memoryBytes ?? Number.POSITIVE_INFINITY);
  const left = limits.memoryBytes === undefined ? total : limits.memoryBytes - (limits.memoryUsedBytes ?? 0);
  const cores = cpus();
  return {
    cpu: {
      model: cores[0]?.model.trim() || 'unknown',
      cores: Math.max(1, cores.length),
      usable: Math.min(availableParallelism(), limits.cores ?? Number.POSITIVE_INFINITY),
    },
    memory: {
      total_bytes: total,
      available_bytes: Math.max(0, Math.min(available(), left)),
      limited: limits.memoryBytes !== undefined && limits.memoryBytes < totalmem(),
    },
  };
}

/** Free memory with what the page cache would give back: Linux counts that as used in `freemem`. */
function available(): number {
  if (process.platform !== 'linux') return freemem();
  try {
    const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    return kilobytes === undefined ? freemem() : Number(kilobytes) * 1_024;
  } catch {
    return freemem();
  }
}

async function readDisk(path: string): Promise<MachineFacts['disk']> {
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const { bsize, blocks, bavail } = await statfs(existing);
  return { path, total_bytes: blocks * bsize, free_bytes: bavail * bsize };
}
