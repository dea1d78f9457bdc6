import type { GpuFacts } from '../../contract/machine-facts.ts';
import { readAmd } from './amd.ts';
import { readApple } from './apple.ts';
import type { GpuReading } from './gpu-reading.ts';
import { readNvidia } from './nvidia.ts';
import type { RunTool } from './run-tool.ts';

export interface DetectGpusOptions {
  run: RunTool;
  platform: NodeJS.Platform;
  /** So many pretended devices instead of looking for real ones. 0: look. */
  mockGpus: number;
}

/** What a pretended device claims to have. */
const MOCK_MEMORY_BYTES = 8 * 1024 ** 3;

/**
 * The devices of this machine, by asking their vendors' tools; also for the look at their load every few seconds, at the
 * cost of one short process (nvidia-smi: 20-500 ms). Never rejects: what is wrong stands in `problems`.
 */
export async function detectGpus({ run, platform, mockGpus }: DetectGpusOptions): Promise<GpuReading> {
  if (mockGpus > 0) return { gpus: Array.from({ length: mockGpus }, (_, index) => mockGpu(index)), problems: [] };
  const readings = await Promise.all(
    platform === 'darwin' ? [readApple(run)] : [readNvidia(run), ...(platform === 'linux' ? [readAmd(run)] : [])],
  );
  return {
    gpus: readings.flatMap((reading) => reading?.gpus ?? []).map((gpu, index) => ({ ...gpu, index })),
    problems: readings.flatMap((reading) => reading?.problems ?? []),
  };
}

function mockGpu(index: number): GpuFacts {
  return {
    index,
    vendor: 'mock',
    name: 'Mock GPU',
    device: String(index),
    uuid: `MOCK-${index}`,
    memory_total_bytes: MOCK_MEMORY_BYTES,
    memory_used_bytes: 0,
    utilization_percent: 0,
    temperature_celsius: null,
  };
}
