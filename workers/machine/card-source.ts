import { cpus } from 'node:os';
import type { InstanceCard, MachineCard, ServiceCard, ServiceState, WorkerCard } from '../../contract/machine-card.ts';
import type { MachineFacts } from '../../contract/machine-facts.ts';
import type { MachineStatus } from './machine-state.ts';
import type { InstanceState, InstanceStatus } from './services/service-events.ts';

export interface CardSourceOptions {
  machineId: string;
  bootId: string;
  version: string;
  startedAt: number;
  status: MachineStatus;
  services: () => readonly InstanceStatus[];
  instances: () => InstanceCard[];
  workers: () => WorkerCard[];
  facts: MachineFacts;
}

/** Makes the machine's card from what is known now. */
export class CardSource {
  readonly #options: CardSourceOptions;
  readonly #listeners = new Set<() => void>();
  #facts: MachineFacts;
  #seq = 0;
  #cpu = cpuTimes();
  #cpuPercent: number | null = null;
  #pending = false;

  constructor(options: CardSourceOptions) {
    this.#options = options;
    this.#facts = options.facts;
  }

  get facts(): MachineFacts {
    return this.#facts;
  }

  /** A new look at the machine. */
  setFacts(facts: MachineFacts): void {
    this.#facts = facts;
    const now = cpuTimes();
    const total = now.total - this.#cpu.total;
    if (total > 0) this.#cpuPercent = Math.round(100 * (1 - (now.idle - this.#cpu.idle) / total));
    this.#cpu = now;
  }

  card(): MachineCard {
    const { machineId, bootId, version, startedAt, status, services, instances, workers } = this.#options;
    const { reason } = status;
    return {
      v: 1,
      machine_id: machineId,
      boot_id: bootId,
      seq: ++this.#seq,
      at: Date.now(),
      started_at: startedAt,
      state: status.state,
      ...(reason === undefined ? {} : { state_reason: reason }),
      version,
      facts: this.#facts,
      cpu_percent: this.#cpuPercent,
      services: services().map(toServiceCard),
      instances: instances(),
      workers: workers(),
    };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Something has changed that should be seen soon; what changes together is told together. */
  changed(): void {
    if (this.#pending) return;
    this.#pending = true;
    setImmediate(() => {
      this.#pending = false;
      for (const listener of this.#listeners) listener();
    });
  }
}

function toServiceCard({ usage, ...one }: InstanceStatus): ServiceCard {
  const [port] = one.ports;
  return {
    name: one.name,
    service: one.service,
    state: STATES[one.state],
    ...(one.reason === undefined ? {} : { reason: one.reason }),
    ...(one.pid === undefined ? {} : { pid: one.pid }),
    ...(port === undefined ? {} : { port }),
    gpus: one.gpu === undefined ? [] : [one.gpu],
    restarts: one.restarts,
    ...(one.started_at === undefined ? {} : { started_at: Date.parse(one.started_at) }),
    ...(usage ? { memory_bytes: usage.memory_bytes } : {}),
    ...(usage?.cpu_percent == null ? {} : { cpu_percent: Math.round(usage.cpu_percent) }),
  };
}

const STATES: Record<InstanceState, ServiceState> = {
  starting: 'starting',
  ready: 'running',
  unhealthy: 'unhealthy',
  waiting: 'restarting',
  stopping: 'stopped',
  stopped: 'stopped',
  failed: 'failed',
};

function cpuTimes(): { idle: number; total: number } {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { idle, total };
}
