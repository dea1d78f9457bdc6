import { totalmem } from 'node:os';
import type { GpuReading } from './gpu-reading.ts';
import type { RunTool } from './run-tool.ts';

interface Display {
  _name?: string;
  sppci_model?: string;
  spdisplays_vendor?: string;
}

/**
 * The GPU of an Apple chip, which shares the machine's memory. Load and temperature are told to root only: unknown here.
 * @param memoryBytes of the machine
 * @returns undefined on a machine without one
 */
export async function readApple(run: RunTool, memoryBytes = totalmem()): Promise<GpuReading | undefined> {
  const answer = await run('/usr/sbin/system_profiler', ['SPDisplaysDataType', '-json']);
  if (answer.outcome === 'missing') return undefined;
  let displays: Display[];
  try {
    displays = (JSON.parse(answer.stdout) as { SPDisplaysDataType?: Display[] }).SPDisplaysDataType ?? [];
  } catch {
    return { gpus: [], problems: ['system_profiler did not say which GPU there is: run it by hand to see why'] };
  }
  const chip = displays.find((entry) =>
    /apple/i.test(`${entry.spdisplays_vendor} ${entry.sppci_model} ${entry._name}`),
  );
  if (!chip) return { gpus: [], problems: [] };
  const name = chip.sppci_model ?? (chip._name ?? 'Apple GPU').replace(/^kHW_Apple(\w+)Item$/, 'Apple $1');
  return {
    gpus: [
      {
        index: 0,
        vendor: 'apple',
        name,
        device: '0',
        memory_total_bytes: memoryBytes,
        memory_used_bytes: null,
        utilization_percent: null,
        temperature_celsius: null,
      },
    ],
    problems: [],
  };
}
