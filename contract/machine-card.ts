import type { MachineFacts } from './machine-facts.ts';
import { MACHINE_QUEUE_PREFIX } from './task-queues.ts';

/**
 * The card of a machine: what it is, runs and has hot, as the heartbeat details of its presence activity carry it.
 * Wire document: snake_case. Small (a few kB), since every heartbeat sends it whole.
 */
export interface MachineCard {
  v: 1;
  machine_id: string;
  /** New at every start of the machine process: a card with another one replaces what was known of the old life. */
  boot_id: string;
  /** Grows with every card of one boot. */
  seq: number;
  /** When it was made, epoch milliseconds of the machine's own clock. */
  at: number;
  /** When the machine process started, epoch milliseconds. */
  started_at: number;
  state: MachineState;
  /** Why it is in that state, where it does not speak for itself. */
  state_reason?: string;
  /** Release of Switchyard it runs. */
  version: string;
  facts: MachineFacts;
  /** Of the processor, 0–100 of all usable cores together; null where unknown. */
  cpu_percent: number | null;
  services: ServiceCard[];
  instances: InstanceCard[];
  workers: WorkerCard[];
}

/**
 * `starting` until every step of the start-up is done; `draining` takes no new jobs; `exhausted` stopped taking jobs
 * until memory, disk or VRAM is free again; `failed` has spent its restarts and is about to leave.
 */
export type MachineState = 'starting' | 'ready' | 'draining' | 'drained' | 'exhausted' | 'stopping' | 'failed';

export type ServiceState = 'installing' | 'starting' | 'running' | 'unhealthy' | 'restarting' | 'stopped' | 'failed';

/** One process that the machine keeps running (a ComfyUI on one GPU, say). */
export interface ServiceCard {
  /** `<service>` or `<service>-gpu0`; unique on its machine. */
  name: string;
  service: string;
  state: ServiceState;
  reason?: string;
  pid?: number;
  port?: number;
  /** Indices of the devices it is bound to. */
  gpus: number[];
  restarts: number;
  started_at?: number;
  cpu_percent?: number;
  memory_bytes?: number;
}

export const INSTANCE_STATUSES = ['stopped', 'starting', 'running', 'paused', 'stopping', 'error'] as const;
export type InstanceStatus = (typeof INSTANCE_STATUSES)[number];
export type InstanceHealthStatus = 'healthy' | 'degraded' | 'unhealthy';

/** One backend instance of the instance manager. */
export interface InstanceCard {
  id: string;
  name: string;
  url: string;
  status: InstanceStatus;
  health: InstanceHealthStatus;
  gpus: number[];
  active_jobs: number;
  max_jobs: number;
  /** Where work goes that names none, but for jobs: those go to the least loaded. */
  active: boolean;
  last_error?: string;
}

/** One worker process and its queues. */
export interface WorkerCard {
  name: string;
  pid?: number;
  state: 'starting' | 'running' | 'paused' | 'restarting' | 'stopped' | 'failed';
  reason?: string;
  task_queues: string[];
  slots: number;
  active_jobs: number;
  /** Models loaded in its backends now, most recently used first. */
  hot_models: string[];
  restarts: number;
  memory_bytes?: number;
  cpu_percent?: number;
}

/** Workflow type and ids. */
export const MACHINE_WORKFLOW = 'machine';

const PREFIX = 'machine/';

export function machineWorkflowId(machineId: string): string {
  return PREFIX + machineId;
}

export function machineIdOfWorkflow(workflowId: string): string {
  return workflowId.startsWith(PREFIX) ? workflowId.slice(PREFIX.length) : workflowId;
}

/** The queue on which a machine's own worker runs presence and commands. */
export function machineTaskQueue(machineId: string): string {
  return `${MACHINE_QUEUE_PREFIX}.${machineId}`;
}

/** Reverse of {@link machineTaskQueue}; undefined for any other queue. */
export function machineIdOfQueue(queue: string): string | undefined {
  const [prefix, id] = [queue.slice(0, MACHINE_QUEUE_PREFIX.length + 1), queue.slice(MACHINE_QUEUE_PREFIX.length + 1)];
  return prefix === `${MACHINE_QUEUE_PREFIX}.` && MACHINE_ID.test(id) ? id : undefined;
}

/** What an id of a machine may look like: it is part of a queue's name and of a URL. */
export const MACHINE_ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;
