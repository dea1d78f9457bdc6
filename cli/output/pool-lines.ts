import { formatDuration } from '../../contract/duration.ts';
import { POOL_LIMITS } from '../../contract/pool-control.ts';
import type { PoolQueue, PoolView } from '../api-client/answers.ts';
import { formatElapsed } from './format.ts';
import { keyValueLines } from './key-values.ts';
import type { Style } from './style.ts';
import { formatTable, type Column } from './table.ts';

/** `active`, `paused (driver update)`. */
export function poolState({ control }: PoolView): string {
  return control.note === undefined ? control.state : `${control.state} (${control.note})`;
}

/** Jobs that wait for a worker, and for how long the first of them has; `?` where Temporal does not tell. */
export function waitingText(queues: readonly Pick<PoolQueue, 'backlog'>[]): string {
  const known = queues.flatMap(({ backlog }) => backlog ?? []);
  if (known.length < queues.length) return '?';
  const queued = known.reduce((sum, backlog) => sum + backlog.queued, 0);
  const oldest = Math.max(0, ...known.map((backlog) => backlog.oldest_ms));
  return queued === 0 ? '0' : `~${queued} (${formatElapsed(oldest)})`;
}

export function offersText({ offers }: PoolView): string {
  if (offers.gpu_count === 0) return offers.machine_type;
  const memory = offers.gpu_memory_mb > 0 ? ` of ${offers.gpu_memory_mb} MiB` : '';
  return `${offers.machine_type}, ${offers.gpu_count} GPU${memory}`;
}

/** A pool by itself: state, numbers (with what was changed), queues. */
export function poolLines(pool: PoolView, style: Style, width: number | undefined): string[] {
  const { control } = pool;
  const numbers = POOL_LIMITS.map((name) => {
    const shown = text(name, pool[name]);
    const before = control.configured[name];
    return [name, before === undefined ? shown : `${shown} (pools.json: ${text(name, before)})`] as const;
  });
  const head = keyValueLines(
    [
      ['pool', style.bold(pool.name)],
      ['what for', pool.description || undefined],
      ['state', control.state],
      ['since', control.since],
      ['note', control.note],
      ['offers', offersText(pool)],
      ...numbers,
    ],
    style,
  );
  const columns: Column<PoolQueue>[] = [
    { title: 'QUEUE', value: (queue) => queue.task_queue, paint: style.bold },
    { title: 'WORKERS', value: (queue) => String(queue.workers), align: 'right' },
    { title: 'BUSY', value: (queue) => `${queue.slots_used}/${queue.slots_used + queue.slots_free}`, align: 'right' },
    { title: 'WAITING', value: (queue) => waitingText([queue]), align: 'right' },
  ];
  const derived = pool.queues.flatMap((queue) => queue.derived ?? []);
  const more: Column<(typeof derived)[number]>[] = [
    { title: 'FOR JOBS WITH NEEDS', value: (queue) => queue.task_queue, paint: style.bold },
    { title: 'WORKERS HAVE', value: (queue) => queue.needs },
    { title: 'WORKERS', value: (queue) => String(queue.workers), align: 'right' },
    { title: 'WAITING', value: (queue) => waitingText([queue]), align: 'right' },
  ];
  const needy = derived.length > 0 ? ['', ...formatTable(derived, more, style, width)] : [];
  return [...head, '', ...formatTable(pool.queues, columns, style, width), ...needy];
}

function text(name: string, value: number): string {
  return name.endsWith('_seconds') ? formatDuration(value * 1_000) : String(value);
}
