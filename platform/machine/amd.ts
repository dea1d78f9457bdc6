import type { GpuFacts } from '../../contract/machine-facts.ts';
import type { GpuReading } from './gpu-reading.ts';
import { runFirst, type RunTool, type ToolAnswer } from './run-tool.ts';

const PROGRAMS = ['rocm-smi', '/opt/rocm/bin/rocm-smi'];
const ARGS = ['--showproductname', '--showuniqueid', '--showmeminfo', 'vram', '--showuse', '--showtemp'];
const QUESTION = [...ARGS, '--showdriverversion', '--json'];

/** @returns undefined when there is no rocm-smi on this machine */
export async function readAmd(run: RunTool): Promise<GpuReading | undefined> {
  const answer = await runFirst(run, PROGRAMS, QUESTION);
  return answer.outcome === 'missing' ? undefined : parseAmd(answer);
}

/** Keys change their case between releases (`Card series`, `Card Series`), so they are compared without it. */
function parseAmd(answer: ToolAnswer): GpuReading {
  const document = findJson(answer.stdout);
  if (document === undefined) return { gpus: [], problems: explain(answer) };
  const driver = field(document['system'] ?? {}, 'driver version');
  const gpus = Object.entries(document)
    .flatMap(([card, values]) => {
      const number = /^card(\d+)$/.exec(card)?.[1];
      return number === undefined ? [] : [toFacts(number, values, driver)];
    })
    .sort((a, b) => Number(a.device) - Number(b.device))
    // Cards are numbered with gaps when another vendor's card sits between; ROCr counts its own without.
    .map((gpu, position) => ({ ...gpu, index: position, device: String(position) }));
  return { gpus, problems: gpus.length === 0 ? explain(answer) : [] };
}

type Card = Record<string, unknown>;

function toFacts(number: string, card: Card, driver: string | undefined): GpuFacts {
  const name = ['card series', 'device name', 'card model'].map((key) => field(card, key)).find((text) => text);
  const uuid = field(card, 'unique id');
  const temperature = ['junction', 'edge']
    .map((at) => field(card, `temperature (sensor ${at}) (c)`))
    .find((text) => text);
  return {
    index: Number(number),
    vendor: 'amd',
    name: name ?? 'AMD GPU',
    device: number,
    ...(uuid ? { uuid } : {}),
    memory_total_bytes: toNumber(field(card, 'vram total memory (b)')),
    memory_used_bytes: toNumber(field(card, 'vram total used memory (b)')),
    utilization_percent: toNumber(field(card, 'gpu use (%)')),
    temperature_celsius: toNumber(temperature),
    ...(driver ? { driver_version: driver } : {}),
  };
}

function field(card: Card, name: string): string | undefined {
  const key = Object.keys(card).find((entry) => entry.toLowerCase() === name);
  const value = key === undefined ? undefined : String(card[key]).trim();
  return value === '' || value === 'N/A' ? undefined : value;
}

function toNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

/** Warnings may stand before and after the document. */
function findJson(stdout: string): Record<string, Card> | undefined {
  const [from, to] = [stdout.indexOf('{'), stdout.lastIndexOf('}')];
  try {
    return JSON.parse(stdout.slice(from, to + 1)) as Record<string, Card>;
  } catch {
    return undefined;
  }
}

function explain({ outcome, stdout, stderr, code }: ToolAnswer): string[] {
  const said = `${stdout}\n${stderr}`.replace(/\s+/g, ' ').trim();
  if (outcome === 'hung')
    return ['rocm-smi did not answer within 10 s: the driver hangs; see the kernel log (dmesg), then reboot'];
  if (/driver not initialized|amdgpu not found/i.test(said))
    return ['rocm-smi: the driver is not loaded: install amdgpu for the running kernel and load it (modprobe amdgpu)'];
  if (/permission|no such file or directory: '\/dev\/kfd/i.test(said))
    return [
      `rocm-smi: ${said.slice(0, 200)}. The user needs the groups render and video, a container /dev/kfd and /dev/dri`,
    ];
  if (outcome === 'failed')
    return [`rocm-smi failed with status ${code ?? '?'}: ${said.slice(0, 200) || 'it said nothing'}`];
  return /no amd gpus|^\{?\s*\}?$/i.test(said)
    ? []
    : [`rocm-smi said something that is not understood: ${said.slice(0, 200)}`];
}
