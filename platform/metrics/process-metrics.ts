import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

/**
 * What every process of Switchyard tells of itself: CPU, memory, event loop and the time of its start, under the names that
 * Prometheus uses for any process, and who it is. A restart is a change of `process_start_time_seconds`.
 * @param role `api`, `orchestrator`, `server`, `worker` or `machine`
 */
export function addProcessMetrics(registry: Registry, role: string): void {
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'switchyard_process_info',
    help: 'Always 1; its label tells what the process is',
    labelNames: ['role'],
    registers: [registry],
  }).set({ role }, 1);
}
