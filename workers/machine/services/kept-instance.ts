import { join } from 'node:path';
import { type KeptProcess, keepRunning, type LifeEvent } from '../../../platform/processes/keep-running.ts';
import type { TableEntry } from '../../../platform/processes/process-table.ts';
import { openRotatingLog, type RotatingLog } from '../../../platform/processes/rotating-log.ts';
import { type InstanceLife, launchInstance } from './launch-instance.ts';
import { ServiceError } from './service-error.ts';
import type { InstanceState, InstanceStatus, ServiceEvent } from './service-events.ts';
import type { InstancePlan } from './service-plan.ts';
import type { ServiceRecords } from './service-records.ts';
import { watchLiveness } from './watch-liveness.ts';

export interface KeptInstanceDeps {
  plan: InstancePlan;
  records: ServiceRecords;
  logsDir: string;
  env: NodeJS.ProcessEnv;
  /** Restarts before this one, when it was started anew. */
  restarts: number;
  emit: (event: ServiceEvent) => void;
}

/** One instance that is kept running, with what is known of it. */
export interface KeptInstance {
  readonly plan: InstancePlan;
  /** Settles when it is ready for the first time; rejects with a ServiceError when it is given up or stopped before. */
  readonly firstReady: Promise<void>;
  status(): InstanceStatus;
  /** Whether somebody has to stop it before it can be started again. */
  isActive(): boolean;
  stop(): Promise<void>;
  /** Looks what it takes, and ends it when that is too much. */
  measure(table: readonly TableEntry[]): void;
  killNow(): void;
}

/** Part of a pause before a restart that is left to chance: what died of one cause comes back one by one. */
const JITTER = 0.2;

type EventBody = ServiceEvent extends infer E
  ? E extends ServiceEvent
    ? Omit<E, 'name' | 'service' | 'at'>
    : never
  : never;

export function keepInstance(deps: KeptInstanceDeps): KeptInstance {
  const { plan } = deps;
  const logFile = join(deps.logsDir, `${plan.name}.log`);
  const log: RotatingLog = openRotatingLog(logFile);
  let state: InstanceState = 'starting';
  let reason: string | undefined;
  let life: InstanceLife | undefined;
  let begun = 0;
  let startedAt: string | undefined;
  let restarts = deps.restarts;
  let usage: InstanceStatus['usage'];
  let watching = new AbortController();

  const emit = (event: EventBody) =>
    deps.emit({ name: plan.name, service: plan.service, at: new Date().toISOString(), ...event });
  const become = (next: InstanceState, why?: string) => {
    state = next;
    reason = why;
  };

  function onLife(event: LifeEvent): void {
    switch (event.type) {
      case 'spawned':
        emit(event);
        break;
      case 'ready':
        become('ready');
        emit({ type: 'ready', pid: event.pid, after_ms: Math.round(performance.now() - begun) });
        watch();
        break;
      case 'gone': {
        watching.abort();
        life = undefined;
        usage = undefined;
        const { pid, why, lastWords, restartInMs } = event;
        become(restartInMs === undefined ? 'failed' : 'waiting', why);
        if (restartInMs === undefined) emit({ type: 'failed', reason: why, last_words: lastWords });
        else {
          restarts++;
          emit({ type: 'gone', pid, reason: why, last_words: lastWords, restart_in_ms: restartInMs });
        }
        break;
      }
      default:
        event satisfies never;
    }
  }

  function watch(): void {
    if (!plan.liveness) return;
    watching = new AbortController();
    const watched = life;
    const listener = {
      onFailure(why: string, failures: number) {
        become('unhealthy', `it ${why}`);
        emit({ type: 'unhealthy', reason: why, failures });
      },
      onRecovery() {
        become('ready');
        emit({ type: 'healthy' });
      },
      onHang: (why: string) => watched?.end(`hung: it ${why}`),
    };
    void watchLiveness(plan.liveness, plan.host, listener, watching.signal);
  }

  async function launch(): Promise<InstanceLife> {
    become('starting', reason);
    begun = performance.now();
    startedAt = new Date().toISOString();
    life = await launchInstance(plan, { records: deps.records, log, show: () => {}, env: deps.env });
    return life;
  }

  const { max, delayMs, maxDelayMs, stableAfterMs } = plan.restart;
  const kept: KeptProcess = keepRunning({
    launch,
    onEvent: onLife,
    delayMs,
    maxDelayMs,
    settledMs: stableAfterMs,
    attempts: max + 1,
    maxRestarts: max,
    jitter: JITTER,
    hopelessCodes: [],
  });
  const firstReady = kept.firstReady.then(
    () => undefined,
    (error: Error) => {
      const end = `. Its log: ${logFile}`;
      throw new ServiceError('service_unavailable', `${inFull(plan.name, error.message)}${end}`, { cause: error });
    },
  );
  firstReady.catch(() => {});

  return {
    plan,
    firstReady,
    isActive: () => state !== 'stopped' && state !== 'failed',
    status: () => ({
      name: plan.name,
      service: plan.service,
      state,
      ...(reason === undefined ? {} : { reason }),
      ...(life ? { pid: life.pid, started_at: startedAt } : {}),
      ports: plan.ports,
      ...(plan.gpu ? { gpu: plan.gpu.index } : {}),
      restarts,
      ...(usage ? { usage } : {}),
      log_file: logFile,
    }),
    async stop() {
      if (state === 'stopped') return;
      if (state !== 'failed') become('stopping');
      watching.abort();
      await kept.stop(plan.stopTimeoutMs);
      life = undefined;
      usage = undefined;
      log.close();
      become('stopped');
      emit({ type: 'stopped' });
    },
    measure(table) {
      if (!life) return;
      const { processes, memoryBytes, cpuPercent } = life.tree.usage(table);
      usage = {
        processes,
        memory_bytes: memoryBytes,
        cpu_percent: cpuPercent === null ? null : Math.round(cpuPercent * 10) / 10,
      };
      emit({ type: 'usage', usage });
      if (plan.maxMemoryBytes !== undefined && memoryBytes > plan.maxMemoryBytes)
        life.end(
          `took ${megabytes(memoryBytes)} of memory, more than max_memory_mb (${megabytes(plan.maxMemoryBytes)})`,
        );
    },
    killNow() {
      kept.killNow();
      life?.tree.killNow();
    },
  };
}

/** Reasons are written to follow "it"; what a launch says names the instance itself. */
function inFull(name: string, reason: string): string {
  if (reason.includes(name)) return reason;
  return reason === 'stopped'
    ? `${name} was stopped before it was ready`
    : `${name} could not be started: it ${reason}`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}
