import { dirname, join, resolve } from 'node:path';
import type { GpuFacts } from '../../../contract/machine-facts.ts';
import type { WorkerEntry } from '../../../platform/catalog/service-mapping.schema.ts';
import type { ConfigProblem } from '../../../platform/config/config-error.ts';
import { confinePath } from '../../../platform/machine/confined-path.ts';
import { checkEnvironment } from '../../../platform/machine/service-environment.ts';
import type { ServiceDefinition } from './definition.schema.ts';
import { deviceBinding } from './device-binding.ts';
import { foldersOf, outside } from './plan-install.ts';
import type { ReadyMade } from './ready-made.ts';
import type { InstancePlan, LivenessPlan, Probe, ReadyProbe, ServicePaths } from './service-plan.ts';
import { fillWords, UnknownWordError, type Words } from './words.ts';

/** The place of one instance on its machine. */
export interface ServicePlace {
  /** Unique on the machine, fit for file names. */
  name: string;
  index: number;
  /** As the mapping has them; empty: what comes ready-made says. */
  ports: readonly number[];
  gpu?: GpuFacts;
  /** Number of the unit of a binding of the operator's own. */
  env: Readonly<Record<string, string>>;
}

export interface PlanInstanceInput {
  /** Key under `workers`. */
  id: string;
  entry: WorkerEntry;
  definition: ServiceDefinition;
  preset: ReadyMade | undefined;
  place: ServicePlace;
  paths: ServicePaths;
  /** Key of the worker, for the names of problems. */
  at: string;
  problems: ConfigProblem[];
}

/** One instance with all its `{words}` filled in; undefined when nothing is to be run, or when something is wrong. */
export function planInstance(input: PlanInstanceInput): InstancePlan | undefined {
  const { id, entry, definition, preset, place, paths, at, problems } = input;
  if (definition.command === undefined) return undefined;
  const folders = foldersOf(id, definition, paths, at, problems);
  if (!folders) return undefined;
  const where = `${at}.installer_config`;
  const { name } = place;
  const step = entry.port_increment ?? 1;
  const ports =
    place.ports.length > 0 ? [...place.ports] : (preset?.ports ?? []).map((port) => port + place.index * step);
  const words = wordsOf({ place, ports, definition, dir: folders.dir, data: join(paths.servicesDir, 'data', name) });
  const fill = (text: string, key: string): string => {
    try {
      return fillWords(text, words);
    } catch (error) {
      if (!(error instanceof UnknownWordError)) throw error;
      problems.push({
        name: `${where}.${key}`,
        problem: error.message,
        hint: 'set ports for {port}; or mend the name',
      });
      return text;
    }
  };
  const confined = (path: string, key: string): string => {
    const found = confinePath(fill(path, key), folders.dir, folders.roots);
    if (found === undefined) problems.push(outside(`${where}.${key}`, folders.roots));
    return found ?? folders.dir;
  };
  const command = [...definition.command, ...(preset?.deviceArgs?.(place.gpu) ?? [])].map((word, index) =>
    fill(word, `command.${index}`),
  );
  const cwd = confined(definition.cwd ?? '.', 'cwd');
  const program = command[0] ?? '';
  // The program itself may be a link out: that is how Python environments are made.
  if (program.includes('/')) confined(dirname(resolve(cwd, program)), 'command.0');
  const filled = (variables: Record<string, string>, key: string) =>
    Object.fromEntries(Object.entries(variables).map(([each, value]) => [each, fill(value, `${key}.${each}`)]));
  const env = filled(definition.env, 'env');
  const workerEnv = filled(definition.worker_env, 'worker_env');
  problems.push(...checkEnvironment({ env, passEnv: definition.pass_env }, where, true));
  problems.push(...checkEnvironment({ env: workerEnv, passEnv: [] }, where, true, 'worker_env'));
  const ready = readyProbe(definition, ports, where, problems);
  return {
    name,
    service: id,
    index: place.index,
    buildStage: entry.build_stage,
    ...(place.gpu ? { gpu: place.gpu } : {}),
    host: definition.host,
    ports,
    command: [program.includes('/') ? resolve(cwd, program) : program, ...command.slice(1)],
    cwd,
    env: { ...env, ...deviceBinding(place.gpu), ...place.env },
    passEnv: definition.pass_env,
    workerEnv,
    pathPrepend: definition.path_prepend.map((path, index) => confined(path, `path_prepend.${index}`)),
    folders: [words['data'] as string, ...definition.folders.map((path, index) => confined(path, `folders.${index}`))],
    ready,
    readyTimeoutMs: definition.ready_timeout,
    ...livenessOf(definition, ready, ports, where, problems),
    stopSignal: definition.stop_signal,
    stopTimeoutMs: definition.stop_timeout,
    restart: {
      max: definition.restart.max ?? 10,
      delayMs: definition.restart.delay ?? 1_000,
      maxDelayMs: definition.restart.max_delay ?? 60_000,
      stableAfterMs: definition.restart.stable_after ?? 120_000,
    },
    ...(definition.max_memory_mb === undefined ? {} : { maxMemoryBytes: definition.max_memory_mb * 1024 * 1024 }),
  };
}

interface WordSources {
  place: ServicePlace;
  ports: number[];
  definition: ServiceDefinition;
  dir: string;
  /** The instance's own folder. */
  data: string;
}

function wordsOf({ place, ports, definition, dir, data }: WordSources): Words {
  const portWords = ports.map((port, nth) => [nth === 0 ? 'port' : `port${nth + 1}`, String(port)]);
  const { config_path: config } = definition;
  return {
    name: place.name,
    index: String(place.index),
    host: definition.host,
    dir,
    data,
    ...(config === undefined ? {} : { config_path: resolve(dir, config) }),
    ...(place.gpu ? { gpu: String(place.gpu.index), device: place.gpu.device } : {}),
    ...(Object.fromEntries(portWords) as Words),
  };
}

type ProbeWish = { http?: { path: string; port?: number; status?: number[]; contains?: string }; tcp?: true | number };

function readyProbe({ ready }: ServiceDefinition, ports: number[], at: string, problems: ConfigProblem[]): ReadyProbe {
  if (ready?.log !== undefined) {
    try {
      ''.search(ready.log);
    } catch (error) {
      problems.push({ name: `${at}.ready.log`, problem: `is no regular expression: ${(error as Error).message}` });
    }
    return { kind: 'log', pattern: ready.log };
  }
  if (ready) return toProbe(ready, ports, `${at}.ready`, problems) ?? { kind: 'started' };
  return ports[0] === undefined ? { kind: 'started' } : { kind: 'tcp', port: ports[0] };
}

function toProbe(wish: ProbeWish, ports: number[], at: string, problems: ConfigProblem[]): Probe | undefined {
  const asked = wish.http ? wish.http.port : wish.tcp;
  const port = typeof asked === 'number' ? asked : ports[0];
  if (port === undefined) {
    problems.push({ name: at, problem: 'has no port to ask', hint: 'set ports, or a port in the probe' });
    return undefined;
  }
  return wish.http ? { kind: 'http', ...wish.http, port } : { kind: 'tcp', port };
}

function livenessOf(
  { alive }: ServiceDefinition,
  ready: ReadyProbe,
  ports: number[],
  at: string,
  problems: ConfigProblem[],
): { liveness?: LivenessPlan } {
  if (alive === false) return {};
  const own = alive?.http !== undefined || alive?.tcp !== undefined;
  const asReady = ready.kind === 'http' || ready.kind === 'tcp' ? ready : undefined;
  const probe = alive && own ? toProbe(alive, ports, `${at}.alive`, problems) : asReady;
  if (!probe) return {};
  const { interval: intervalMs = 15_000, timeout: timeoutMs = 5_000, failures = 4 } = alive ?? {};
  return { liveness: { probe, intervalMs, timeoutMs, failures } };
}
