import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What the container of this process allows; undefined: no limit. */
export interface ContainerLimits {
  /** Cores, e.g. 1.5. */
  cores?: number;
  memoryBytes?: number;
  /** In use within that limit, without what the system would drop at once. */
  memoryUsedBytes?: number;
}

/**
 * Limits by control groups, both versions, each the smallest on the way up from our own group to the root.
 * Source: the kernel's cgroup-v2.rst (`cpu.max`, `memory.max`) and cgroup-v1 documents.
 * @param root of the file system; another one for tests
 */
export function containerLimits(root = '/'): ContainerLimits {
  const groups = ownGroups(root);
  const limits: ContainerLimits = {};
  const base = join(root, 'sys/fs/cgroup');
  for (const folder of upwards(base, groups.get('') ?? '/')) {
    const [quota, period] = words(join(folder, 'cpu.max'));
    lower(limits, 'cores', quota === 'max' ? undefined : number(quota) / number(period));
    takeMemory(limits, folder, 'memory.max', 'memory.current', 'inactive_file');
  }
  for (const folder of upwards(join(base, 'cpu'), groups.get('cpu') ?? '/')) {
    const quota = number(words(join(folder, 'cpu.cfs_quota_us'))[0]);
    lower(limits, 'cores', quota > 0 ? quota / number(words(join(folder, 'cpu.cfs_period_us'))[0]) : undefined);
  }
  for (const folder of upwards(join(base, 'memory'), groups.get('memory') ?? '/')) {
    takeMemory(limits, folder, 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file');
  }
  return limits;
}

/** Version 1 says "no limit" with the greatest number that is a multiple of the page size. */
const UNLIMITED = 2 ** 62;

function takeMemory(limits: ContainerLimits, folder: string, max: string, current: string, idle: string): void {
  const limit = number(words(join(folder, max))[0]);
  if (!(limit > 0) || limit >= UNLIMITED || limit >= (limits.memoryBytes ?? Number.POSITIVE_INFINITY)) return;
  limits.memoryBytes = limit;
  const used = number(words(join(folder, current))[0]);
  const droppable = number(new RegExp(`^${idle} (\\d+)$`, 'm').exec(read(join(folder, 'memory.stat')))?.[1]);
  if (used >= 0) limits.memoryUsedBytes = Math.max(0, used - (droppable || 0));
}

function lower(limits: ContainerLimits, key: 'cores', value: number | undefined): void {
  if (value !== undefined && value > 0 && value < (limits[key] ?? Number.POSITIVE_INFINITY)) limits[key] = value;
}

/** /proc/self/cgroup: `0::/path` for version 2, `4:cpu,cpuacct:/path` for version 1. */
function ownGroups(root: string): Map<string, string> {
  const groups = new Map<string, string>();
  for (const line of read(join(root, 'proc/self/cgroup')).split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const controller of controllers.split(',')) groups.set(controller, path);
  }
  return groups;
}

/** The group's folder and all above it. Within a container the path may be the outer one: then only the root is there. */
function upwards(base: string, path: string): string[] {
  const folders: string[] = [];
  for (let at = path; at !== '/' && at !== '.' && at !== ''; at = dirname(at)) folders.push(join(base, at));
  return [...folders, base];
}

function words(path: string): string[] {
  return read(path).trim().split(/\s+/);
}

function number(text: string | undefined): number {
  return text === undefined || text === '' ? Number.NaN : Number(text);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
