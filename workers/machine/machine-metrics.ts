import { Counter, Gauge, Registry } from 'prom-client';
import type { MachineCard } from '../../contract/machine-card.ts';
import type { GpuFacts } from '../../contract/machine-facts.ts';
import { addProcessMetrics } from '../../platform/metrics/process-metrics.ts';

type Row = readonly [labels: Record<string, string>, value: number | null | undefined];
type Rows = (card: MachineCard) => readonly Row[];

/**
 * Prometheus metrics of a machine, read from its card whenever they are asked for. What is unknown is left out.
 * Shares are ratios, 1 is all of it; of a processor that may be more than 1 where several cores are used.
 */
export function createMachineMetrics(machineId: string, card: () => MachineCard): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ machine: machineId });
  addProcessMetrics(registry, 'machine');
  const gauge = (name: string, help: string, labelNames: string[], rows: Rows) => {
    const one: Gauge = new Gauge({
      ...{ name, help, labelNames, registers: [registry] },
      collect() {
        one.reset();
        for (const [labels, value] of rows(card())) if (value != null) one.set(labels, value);
      },
    });
  };
  /** Counted by the machine process, so that it begins anew with it, as a counter does. */
  const counter = (name: string, help: string, labelNames: string[], rows: Rows) => {
    const one: Counter = new Counter({
      ...{ name, help, labelNames, registers: [registry] },
      collect() {
        one.reset();
        for (const [labels, value] of rows(card())) if (value != null) one.inc(labels, value);
      },
    });
  };
  addMachine(gauge);
  addGpus(gauge);
  addServices(gauge, counter);
  addWorkers(gauge, counter);
  return registry;
}

type Add = (name: string, help: string, labelNames: string[], rows: Rows) => void;

function addMachine(gauge: Add): void {
  gauge('switchyard_machine_state', 'The state the machine is in has 1', ['state'], ({ state }) => [[{ state }, 1]]);
  gauge('switchyard_machine_cpu_utilization_ratio', 'Of all usable cores together, 0-1', [], (one) => [
    [{}, ratio(one.cpu_percent)],
  ]);
  gauge('switchyard_machine_memory_available_bytes', 'Memory left', [], ({ facts }) => [
    [{}, facts.memory.available_bytes],
  ]);
  gauge('switchyard_machine_memory_size_bytes', 'Memory that may be used', [], ({ facts }) => [
    [{}, facts.memory.total_bytes],
  ]);
  gauge('switchyard_machine_disk_free_bytes', 'Left where the data directory is', [], ({ facts }) => [
    [{}, facts.disk.free_bytes],
  ]);
  gauge('switchyard_machine_disk_size_bytes', 'Of the disk of the data directory', [], ({ facts }) => [
    [{}, facts.disk.total_bytes],
  ]);
}

function addGpus(gauge: Add): void {
  const gpus = (name: string, help: string, value: (gpu: GpuFacts) => number | null) =>
    gauge(name, help, ['gpu', 'name'], ({ facts }) =>
      facts.gpus.map((gpu) => [{ gpu: String(gpu.index), name: gpu.name }, value(gpu)] as const),
    );
  gpus('switchyard_gpu_utilization_ratio', 'Use of a GPU, 0-1', (gpu) => ratio(gpu.utilization_percent) ?? null);
  gpus('switchyard_gpu_memory_used_bytes', 'Memory of a GPU in use', (gpu) => gpu.memory_used_bytes);
  gpus('switchyard_gpu_memory_size_bytes', 'Memory of a GPU', (gpu) => gpu.memory_total_bytes);
  gpus('switchyard_gpu_temperature_celsius', 'Temperature of a GPU', (gpu) => gpu.temperature_celsius);
}

function addServices(gauge: Add, counter: Add): void {
  const of =
    (value: (one: MachineCard['services'][number]) => number | undefined): Rows =>
    ({ services }) =>
      services.map((each) => [{ service: each.name }, value(each)] as const);
  const labels = ['service'];
  gauge(
    'switchyard_service_up',
    'Whether it runs and answers: 1, else 0',
    labels,
    of(({ state }) => (state === 'running' ? 1 : 0)),
  );
  counter(
    'switchyard_service_restarts_total',
    'Since the machine process started',
    labels,
    of((one) => one.restarts),
  );
  gauge(
    'switchyard_service_memory_bytes',
    'Of all its processes',
    labels,
    of((one) => one.memory_bytes),
  );
  gauge(
    'switchyard_service_cpu_utilization_ratio',
    'Of all its processes; 1 is one core',
    labels,
    of((one) => ratio(one.cpu_percent)),
  );
}

function addWorkers(gauge: Add, counter: Add): void {
  const of =
    (value: (one: MachineCard['workers'][number]) => number | undefined): Rows =>
    ({ workers }) =>
      workers.map((each) => [{ worker: each.name }, value(each)] as const);
  const labels = ['worker'];
  gauge(
    'switchyard_machine_worker_up',
    'Whether it takes jobs: 1, else 0',
    labels,
    of(({ state }) => (state === 'running' ? 1 : 0)),
  );
  counter(
    'switchyard_machine_worker_restarts_total',
    'Since the machine process started',
    labels,
    of((one) => one.restarts),
  );
  gauge(
    'switchyard_machine_worker_jobs',
    'Jobs it runs',
    labels,
    of((one) => one.active_jobs),
  );
  gauge(
    'switchyard_machine_worker_slots',
    'Jobs at a time that it takes',
    labels,
    of((one) => one.slots),
  );
  gauge(
    'switchyard_machine_worker_memory_bytes',
    'Of all its processes',
    labels,
    of((one) => one.memory_bytes),
  );
  gauge(
    'switchyard_machine_worker_cpu_utilization_ratio',
    'Of all its processes; 1 is one core',
    labels,
    of((one) => ratio(one.cpu_percent)),
  );
}

function ratio(percent: number | null | undefined): number | undefined {
  return percent == null ? undefined : percent / 100;
}
