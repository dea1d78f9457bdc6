import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { MachineCard } from '../../contract/machine-card.ts';

/** Prometheus metrics of a machine, read from its card whenever they are asked for. */
export function createMachineMetrics(machineId: string, card: () => MachineCard): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ machine: machineId });
  collectDefaultMetrics({ register: registry, prefix: 'switchyard_' });
  type Row = readonly [labels: Record<string, string>, value: number | null | undefined];
  const gauge = (name: string, help: string, labelNames: string[], rows: (card: MachineCard) => Row[]) => {
    const one: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        one.reset();
        for (const [labels, value] of rows(card())) if (value != null) one.set(labels, value);
      },
    });
  };
  gauge('switchyard_machine_state', 'The state the machine is in has 1', ['state'], ({ state }) => [[{ state }, 1]]);
  gauge('switchyard_machine_cpu_percent', 'Of all cores together', [], (one) => [[{}, one.cpu_percent]]);
  gauge('switchyard_machine_memory_available_bytes', 'Memory left', [], ({ facts }) => [
    [{}, facts.memory.available_bytes],
  ]);
  gauge('switchyard_machine_memory_total_bytes', 'Memory that may be used', [], ({ facts }) => [
    [{}, facts.memory.total_bytes],
  ]);
  gauge('switchyard_machine_disk_free_bytes', 'Of the data directory', [], ({ facts }) => [
    [{}, facts.disk.free_bytes],
  ]);
  const gpus = (name: string, help: string, value: (gpu: MachineCard['facts']['gpus'][number]) => number | null) =>
    gauge(name, help, ['gpu', 'name'], ({ facts }) =>
      facts.gpus.map((gpu) => [{ gpu: String(gpu.index), name: gpu.name }, value(gpu)] as const),
    );
  gpus('switchyard_gpu_utilization_percent', 'Use of a GPU', (gpu) => gpu.utilization_percent);
  gpus('switchyard_gpu_memory_used_bytes', 'Memory of a GPU in use', (gpu) => gpu.memory_used_bytes);
  gpus('switchyard_gpu_memory_total_bytes', 'Memory of a GPU', (gpu) => gpu.memory_total_bytes);
  gpus('switchyard_gpu_temperature_celsius', 'Temperature of a GPU', (gpu) => gpu.temperature_celsius);
  const services = (name: string, help: string, value: (one: MachineCard['services'][number]) => number | undefined) =>
    gauge(name, help, ['service'], (one) => one.services.map((each) => [{ service: each.name }, value(each)] as const));
  services('switchyard_service_up', 'Whether it runs and answers', ({ state }) => (state === 'running' ? 1 : 0));
  services('switchyard_service_restarts', 'Since the machine was started', ({ restarts }) => restarts);
  services('switchyard_service_memory_bytes', 'Of all its processes', (one) => one.memory_bytes);
  services('switchyard_service_cpu_percent', 'Of one core', (one) => one.cpu_percent);
  const workers = (name: string, help: string, value: (one: MachineCard['workers'][number]) => number | undefined) =>
    gauge(name, help, ['worker'], (one) => one.workers.map((each) => [{ worker: each.name }, value(each)] as const));
  workers('switchyard_machine_worker_up', 'Whether it takes jobs', ({ state }) => (state === 'running' ? 1 : 0));
  workers('switchyard_machine_worker_restarts', 'Since the machine was started', ({ restarts }) => restarts);
  workers('switchyard_machine_worker_jobs', 'Jobs it runs', (one) => one.active_jobs);
  workers('switchyard_machine_worker_slots', 'Jobs it could run', (one) => one.slots);
  workers('switchyard_machine_worker_memory_bytes', 'Of all its processes', (one) => one.memory_bytes);
  workers('switchyard_machine_worker_cpu_percent', 'Of one core', (one) => one.cpu_percent);
  return registry;
}
