import type { GpuFacts } from '../../contract/machine-facts.ts';
import type { GpuReading } from './gpu-reading.ts';
import { runFirst, type RunTool, type ToolAnswer } from './run-tool.ts';

/** WSL has it where PATH does not always lead. */
const PROGRAMS = ['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'];

/** Columns as `nvidia-smi --help-query-gpu` names them. */
const FIELDS = [
  'index',
  'uuid',
  'name',
  'memory.total',
  'memory.used',
  'utilization.gpu',
  'temperature.gpu',
  'driver_version',
  'mig.mode.current',
] as const;
/** Drivers before 450 do not know the last one and refuse the whole question. */
const OLD_FIELDS = FIELDS.slice(0, -1);

const MIB = 1024 * 1024;

/** @returns undefined when there is no nvidia-smi on this machine */
export async function readNvidia(run: RunTool): Promise<GpuReading | undefined> {
  let answer = await ask(run, FIELDS);
  if (answer.outcome === 'missing') return undefined;
  if (answer.outcome === 'failed' && /not a valid field/i.test(text(answer))) answer = await ask(run, OLD_FIELDS);
  const reading = parseNvidia(answer);
  if (!reading.gpus.some(({ slices }) => slices)) return { ...reading, gpus: reading.gpus.map(({ gpu }) => gpu) };
  return withSlices(reading, await runFirst(run, PROGRAMS, ['-L']));
}

function ask(run: RunTool, fields: readonly string[]): Promise<ToolAnswer> {
  return runFirst(run, PROGRAMS, [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits']);
}

interface Parsed {
  /** `slices`: the device is cut into slices, which alone can be used. */
  gpus: { gpu: GpuFacts; slices: boolean }[];
  problems: string[];
}

function parseNvidia(answer: ToolAnswer): Parsed {
  const gpus: Parsed['gpus'] = [];
  const problems: string[] = [];
  for (const line of answer.stdout.split('\n').filter((entry) => entry.trim() !== '')) {
    const row = parseRow(line);
    if (row?.slices === undefined) continue;
    // A device that fell off the bus still has a row; it has neither a name nor memory.
    if (/lost|unknown error/i.test(`${row.gpu.name} ${row.gpu.uuid}`)) {
      problems.push(
        `GPU ${row.gpu.device} does not answer: reboot the machine; if that does not help, the card is broken`,
      );
    } else gpus.push(row);
  }
  if (answer.outcome !== 'ok' || gpus.length === 0) problems.push(...explain(answer));
  return { gpus, problems };
}

/** One row, when it is one: names may hold commas, so the columns behind the name are counted from the end. */
function parseRow(line: string): { gpu: GpuFacts; slices: boolean } | undefined {
  const cells = line.split(',').map((cell) => cell.trim());
  const hasMig = /^(enabled|disabled|\[?n\/a\]?|\[not supported\])$/i.test(cells.at(-1) ?? '') && cells.length >= 9;
  const tail = cells.slice(hasMig ? -6 : -5);
  const name = cells.slice(2, hasMig ? -6 : -5).join(', ');
  const [device, uuid] = cells;
  if (!/^\d+$/.test(device ?? '') || uuid === undefined || name === '') return undefined;
  const [total, used, use, temperature, driver, mig] = tail;
  return {
    slices: mig?.toLowerCase() === 'enabled',
    gpu: {
      index: Number(device),
      vendor: 'nvidia',
      name,
      device: device as string,
      uuid,
      memory_total_bytes: scaled(total, MIB),
      memory_used_bytes: scaled(used, MIB),
      utilization_percent: scaled(use, 1),
      temperature_celsius: scaled(temperature, 1),
      ...(driver && /^\d/.test(driver) ? { driver_version: driver } : {}),
    },
  };
}

/** `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `[Insufficient Permissions]`: not known. */
function scaled(cell: string | undefined, factor: number): number | null {
  return cell !== undefined && /^\d+(\.\d+)?$/.test(cell) ? Math.round(Number(cell) * factor) : null;
}

const GPU_LINE = /^GPU (\d+): /;
const SLICE_LINE = /^\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)\s]+)\)/;

/** Puts the slices that `nvidia-smi -L` lists in the place of the devices they are cut from. */
function withSlices({ gpus, problems }: Parsed, list: ToolAnswer): GpuReading {
  const slices = new Map<string, { profile: string; uuid: string }[]>();
  let current = '';
  for (const line of list.stdout.split('\n')) {
    current = GPU_LINE.exec(line)?.[1] ?? current;
    const match = SLICE_LINE.exec(line);
    if (match) slices.set(current, [...(slices.get(current) ?? []), { profile: match[1]!, uuid: match[2]! }]);
  }
  const all = gpus.flatMap(({ gpu, slices: cut }) => {
    if (!cut) return [gpu];
    const found = slices.get(gpu.device) ?? [];
    if (found.length === 0)
      problems.push(
        `GPU ${gpu.device} (${gpu.name}) is in MIG mode without a slice: make some (nvidia-smi mig -cgi …), or switch the mode off (nvidia-smi -i ${gpu.device} -mig 0)`,
      );
    return found.map(({ profile, uuid }) => ({
      ...gpu,
      name: `${gpu.name} MIG ${profile}`,
      device: uuid,
      uuid,
      mig_profile: profile,
      memory_total_bytes: memoryOfProfile(profile),
      memory_used_bytes: null,
      utilization_percent: null,
    }));
  });
  return { gpus: all, problems };
}

/** Profiles are named by compute slices and memory: `3g.40gb`, `1g.5gb+me`, `1c.3g.40gb`. */
function memoryOfProfile(profile: string): number | null {
  const gigabytes = /\.(\d+)gb/.exec(profile)?.[1];
  return gigabytes === undefined ? null : Number(gigabytes) * 1024 * MIB;
}

/** What the tool said, and what to do about it. Texts and statuses: nvidia-smi(1), RETURN VALUE. */
function explain(answer: ToolAnswer): string[] {
  const said = text(answer).replace(/\s+/g, ' ').trim();
  if (answer.outcome === 'hung')
    return ['nvidia-smi did not answer within 10 s: the driver hangs; see the kernel log (dmesg), then reboot'];
  if (/driver\/library version mismatch/i.test(said))
    return [
      `nvidia-smi: ${said}. The driver was updated while the old one is loaded: reboot, or reload the kernel module`,
    ];
  if (/couldn't communicate with the nvidia driver|driver is not loaded/i.test(said))
    return [`nvidia-smi: ${said} Install the driver for the running kernel, then load it (modprobe nvidia)`];
  if (/no devices were found/i.test(said)) return ['nvidia-smi: the driver is there, but finds no device: see dmesg'];
  if (/unable to determine the device handle|gpu is lost/i.test(said))
    return [`nvidia-smi: ${said}. A device fell off the bus: reboot the machine`];
  if (/failed to initialize nvml/i.test(said))
    return [`nvidia-smi: ${said}. In a container: was it started with access to the GPUs (--gpus all)?`];
  if (answer.outcome === 'failed')
    return [`nvidia-smi failed with status ${answer.code ?? '?'}: ${said || 'it said nothing'}`];
  return said === '' ? [] : [`nvidia-smi said something that is not understood: ${said.slice(0, 200)}`];
}

function text({ stdout, stderr }: ToolAnswer): string {
  return `${stdout}\n${stderr}`;
}
