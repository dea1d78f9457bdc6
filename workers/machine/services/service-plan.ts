import type { GpuFacts } from '../../../contract/machine-facts.ts';
import type { InstallStep } from './definition.schema.ts';

/** How to find out that a program can be used, or still can. */
export type Probe =
  | { kind: 'http'; port: number; path: string; status?: readonly number[]; contains?: string }
  | { kind: 'tcp'; port: number };

export type ReadyProbe = Probe | { kind: 'log'; pattern: string } | { kind: 'started' };

export interface LivenessPlan {
  probe: Probe;
  intervalMs: number;
  timeoutMs: number;
  /** Failures in a row after which it counts as hanging. */
  failures: number;
}

export interface RestartPlan {
  /** In a row. */
  max: number;
  delayMs: number;
  maxDelayMs: number;
  stableAfterMs: number;
}

/** One process to run, with nothing left to be decided: the supervisor, PM2 and compose files are made from it. */
export interface InstancePlan {
  /** `comfyui-gpu0`, `comfyui-gpu0-1`: unique on the machine, fit for file names. */
  name: string;
  /** Key under `workers` in the mapping. */
  service: string;
  /** Position among the instances of its service. */
  index: number;
  /** Stage of the Dockerfile that its container is built to. */
  buildStage: string;
  gpu?: GpuFacts;
  host: string;
  ports: number[];
  /** Program and arguments. */
  command: [string, ...string[]];
  cwd: string;
  /** Set for it, its device binding included. */
  env: Record<string, string>;
  passEnv: string[];
  /** Set for the worker that works with it: where to find it. */
  workerEnv: Record<string, string>;
  pathPrepend: string[];
  /** Made before it starts. */
  folders: string[];
  ready: ReadyProbe;
  readyTimeoutMs: number;
  liveness?: LivenessPlan;
  stopSignal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP';
  stopTimeoutMs: number;
  restart: RestartPlan;
  /** Of the whole tree. */
  maxMemoryBytes?: number;
}

/** What has to be there before a service's instances can run. */
export interface InstallPlan {
  service: string;
  /** Folder of the service. */
  dir: string;
  steps: InstallStep[];
  /** Everything a step writes to must be below one of these. */
  roots: string[];
  env: Record<string, string>;
  passEnv: string[];
  timeoutMs: number;
}

/** Where services may be. */
export interface ServicePaths {
  /** Where they are installed and keep their files. */
  servicesDir: string;
  /** More folders that a service may be in. */
  roots: readonly string[];
}

/** All internal services of one machine. */
export interface ServicePlan {
  installs: InstallPlan[];
  instances: InstancePlan[];
}
