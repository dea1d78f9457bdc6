import type { ServiceHealth, ServingWorker } from '../../contract/service-health.schema.ts';
import type { ServiceView } from '../api-client/answers.ts';
import { formatAge } from './format.ts';
import { keyValueLines } from './key-values.ts';
import type { Style } from './style.ts';
import { formatTable, type Column } from './table.ts';
import { plain, wrap } from './text-width.ts';

type Health = ServiceHealth['health'];

/** Names of models that are shown; `--json` has more. */
const MOST_NAMES = 60;

/** In words; empty for an API that says nothing of it. */
export function healthText(health: Health | undefined): string {
  return health === 'no_worker' ? 'no worker' : (health ?? '');
}

export function paintHealth(style: Style, health: Health | undefined): (text: string) => string {
  if (health === 'healthy') return style.good;
  if (health === 'unhealthy') return style.bad;
  return health === 'degraded' ? style.warn : style.dim;
}

/** What is wrong with the services of a list: a line for each reason, with all services that have it. */
export function reasonLines(services: readonly ServiceView[], style: Style, width: number): string[] {
  return groupLines(services, width, style, (health) => `${healthText(health)}; `);
}

type Ill = Pick<ServiceView, 'name' | 'health' | 'health_reason'>;

/** Those that are not well, put together where they have the same reason. */
export function sameReason(all: readonly Ill[]): { health: Health; reason: string; names: string[] }[] {
  const groups = new Map<string, { health: Health; reason: string; names: string[] }>();
  for (const { name, health, health_reason: reason } of all) {
    if (!health || health === 'healthy' || reason === undefined) continue;
    const key = `${health} ${reason}`;
    const group = groups.get(key) ?? { health, reason, names: [] };
    if (!group.names.includes(name)) group.names.push(name);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function groupLines(all: readonly Ill[], width: number, style: Style, before: (health: Health) => string): string[] {
  return sameReason(all).flatMap(({ health, reason, names }) =>
    wrap(`${names.join(', ')}: ${before(health)}${plain(reason)}`, width).map(paintHealth(style, health)),
  );
}

/** Who serves a service and how that fares, and the models there are. */
export function healthLines(service: ServiceView, style: Style, width: number): string[] {
  const { health: overall, health_reason: reason, served_by: workers = [] } = service;
  if (overall === undefined) return [];
  const paint = paintHealth(style, overall);
  const told = reason !== undefined && workers.length === 0 ? `; ${plain(reason)}` : '';
  const lines = [`${style.dim('Health:')} ${paint(healthText(overall))}${told}`];
  if (workers.length > 0) lines.push(...workerLines(workers, style, width));
  const ill = workers.map(({ worker: name, health, reason: why }) => ({ name, health, health_reason: why }));
  lines.push(...groupLines(ill, width, style, () => ''));
  return [...lines, ...detailLines(workers, style), ...modelLines(service, style, width)];
}

function workerLines(workers: readonly ServingWorker[], style: Style, width: number): string[] {
  const now = Date.now();
  const columns: Column<ServingWorker>[] = [
    { title: 'WORKER', value: ({ worker }) => worker, shrinksTo: 24 },
    { title: 'POOL', value: ({ pool }) => pool },
    {
      title: 'HEALTH',
      value: ({ health }) => health,
      paint: (text, { health }) => paintHealth(style, health)(text),
    },
    { title: 'SINCE', value: ({ since }) => formatAge(since, now), droppable: 3 },
    { title: 'CHECKED', value: ({ checked_at }) => formatAge(checked_at, now), droppable: 5 },
    {
      title: 'LATENCY',
      value: ({ latency_ms: ms }) => (ms === undefined ? '' : `${ms} ms`),
      align: 'right',
      droppable: 4,
    },
    { title: 'FREE', value: slots, align: 'right', droppable: 2 },
    { title: 'BACKEND', value: backend, shrinksTo: 10, droppable: 1 },
  ];
  return formatTable(workers, columns, style, width);
}

function slots({ slots: all, slots_free: free }: ServingWorker): string {
  if (all === undefined) return '';
  return free === undefined ? String(all) : `${free}/${all}`;
}

function backend({ service_name: name, service_version: version }: ServingWorker): string {
  return [name, version === 'unknown' ? undefined : version].filter(Boolean).join(' ');
}

function detailLines(workers: readonly ServingWorker[], style: Style): string[] {
  const told = workers.flatMap(({ worker, details = {} }) => {
    const facts = Object.entries(details).map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`);
    return facts.length > 0 ? [[worker, plain(facts.join(', '))] as const] : [];
  });
  return keyValueLines(told, style);
}

function modelLines(
  { models = [], models_total: total = 0, served_by = [] }: ServiceView,
  style: Style,
  width: number,
) {
  if (total === 0) return [];
  const hot = new Set(served_by.flatMap(({ hot_models = [] }) => hot_models));
  // Those that are loaded first: they are what a job gets at once.
  const sorted = models.toSorted((a, b) => Number(hot.has(b)) - Number(hot.has(a)));
  const names = sorted.slice(0, MOST_NAMES).map((name) => plain(name) + (hot.has(name) ? ' (loaded)' : ''));
  const rest = total - names.length;
  const more = rest > 0 ? ` and ${rest} more` : '';
  return [
    `\n${style.bold('Models')} ${style.dim(String(total))}`,
    ...wrap(names.join(', ') + more, width - 2).map((line) => `  ${line}`),
  ];
}
