import { createHash } from 'node:crypto';
import type { Requirements } from '../../contract/job.schema.ts';
import type { Need, NeedTerms } from '../../contract/needs.ts';
import { parseTaskQueue } from '../../contract/task-queues.ts';
import type { CatalogRoute } from '../catalog/catalog.ts';

/**
 * The part of a job's requirements that only some workers meet.
 * @param capability the queue's own part, by which the workers are found
 * @param routes of the service. A connector that serves it alone needs no telling
 * @param promisesCpu whether a pool at hand has machines that compute
 * @returns undefined when any worker of the pool will do
 */
export function needOf(
  { machine_type, gpu_count = 0, gpu_memory_mb = 0, connector, model }: Requirements,
  capability: string,
  routes: readonly CatalogRoute[],
  promisesCpu: boolean,
): Need | undefined {
  const gpus = Math.max(gpu_count, gpu_memory_mb > 0 || machine_type === 'gpu' ? 1 : 0);
  const several = new Set(routes.map((route) => route.connector)).size > 1;
  const terms: NeedTerms = {
    ...(gpus > 0 ? { gpu_count: gpus } : {}),
    ...(gpu_memory_mb > 0 ? { gpu_memory_mb } : {}),
    ...(machine_type === 'cpu' && gpus === 0 && !promisesCpu ? { machine_type } : {}),
    ...(connector !== undefined && several ? { connector } : {}),
    ...(model !== undefined ? { model } : {}),
  };
  const label = labelOf(terms);
  return label === '' ? undefined : { capability, label, terms };
}

/** Label of the needs of a job that only names a model: workers that have it loaded poll its hot queue. */
export function modelLabel(model: string): string {
  return `m_${digest(modelKey(model))}`;
}

/** What is left of a model's name when two programs write it differently: no folder, no extension, no hash. */
export function modelKey(name: string): string {
  const file =
    name
      .replace(/ \[[0-9a-f]+\]$/i, '')
      .split(/[\\/]/)
      .at(-1) ?? name;
  return file.replace(/\.(safetensors|ckpt|pt|pth|bin|gguf|sft)$/i, '').toLowerCase();
}

/** The needs in words: "2 GPUs with 24000 MiB each; the model sdxl". */
export function needInWords({ terms }: Pick<Need, 'terms'>): string {
  const { gpu_count, gpu_memory_mb, machine_type, connector, model } = terms;
  return [
    gpu_count === undefined ? '' : gpusInWords(gpu_count, gpu_memory_mb),
    machine_type === undefined ? '' : 'a machine that computes itself',
    connector === undefined ? '' : `the connector ${connector}`,
    model === undefined ? '' : `the model ${model}`,
  ]
    .filter(Boolean)
    .join('; ');
}

/** As far as a queue's label tells them: a model or a connector has no name in it. */
export function labelInWords(label: string): string {
  const words = label.split('-').map((part) => {
    const [, count, memory] = /^gpu(\d+)(?:x(\d+))?$/.exec(part) ?? [];
    if (count !== undefined) return gpusInWords(Number(count), memory === undefined ? undefined : Number(memory));
    if (part === 'cpu') return 'a machine that computes itself';
    if (part.startsWith('c_')) return 'a certain connector';
    return part.startsWith('m_') ? 'a certain model' : part;
  });
  return words.join('; ');
}

/** What the workers of a derived queue have, as far as its name tells; undefined for any other queue. */
export function needsInWords(taskQueue: string): string | undefined {
  const { needs, hot } = parseTaskQueue(taskQueue) ?? {};
  if (needs === undefined) return undefined;
  return hot ? `${labelInWords(needs)}, loaded` : labelInWords(needs);
}

function gpusInWords(count: number, memory: number | undefined): string {
  const each = memory === undefined ? '' : ` with ${memory} MiB${count > 1 ? ' each' : ''}`;
  return `${count} GPU${count > 1 ? 's' : ''}${each}`;
}

/** Lower case, digits, "_" and "-": a part of a queue's name. */
function labelOf({ gpu_count, gpu_memory_mb, machine_type, connector, model }: NeedTerms): string {
  return [
    gpu_count === undefined ? '' : `gpu${gpu_count}${gpu_memory_mb === undefined ? '' : `x${gpu_memory_mb}`}`,
    machine_type ?? '',
    connector === undefined ? '' : `c_${digest(connector)}`,
    model === undefined ? '' : modelLabel(model),
  ]
    .filter(Boolean)
    .join('-');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
