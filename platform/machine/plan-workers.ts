import { taskQueueOf } from '../../contract/task-queues.ts';
import type { Catalog, CatalogRoute } from '../catalog/catalog.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import { meant } from '../config/nearest.ts';
import { type Device, dealDevices } from './deal-devices.ts';
import type { PlanFacts } from './plan-facts.ts';
import type { SelectedWorker } from './worker-selection.ts';

/** One worker process to run. */
export interface PlannedWorker {
  /** `openai-api-2`; of a single instance `openai-api`. Unique on the machine. */
  name: string;
  /** Key under `workers` of the mapping. */
  workerId: string;
  /** Counted from 0, within its worker. */
  instance: number;
  /** One activity worker each; the preferred pool first. */
  queues: { taskQueue: string; route: CatalogRoute }[];
  /** `shared`, `gpu`, `cpu`, `mock_gpu` or a name of the mapping's own. */
  binding: string;
  /** What it has for itself; left out for `shared` and `cpu`. */
  device?: Device;
  /** Of the program beside it: the entry's ports, moved by `port_increment` for each instance. */
  ports: number[];
  buildStage: string;
  /** To be set for the process; binding it to a GPU is left to who starts it. */
  env: Record<string, string>;
}

/**
 * Which worker processes a machine runs for WORKERS: how many of each, on which queues, devices and ports. Pure: what is
 * on the machine comes in as `facts`.
 *
 * `auto` is one instance for `shared` and `cpu`; for the others as many as the devices left take, at
 * `service_instances_per_gpu` each. A device belongs to one worker at a time.
 * @throws ConfigError naming everything that cannot be: no device left, no such pool, a port twice
 */
export function planWorkers(catalog: Catalog, selection: readonly SelectedWorker[], facts: PlanFacts): PlannedWorker[] {
  const problems: ConfigProblem[] = [];
  const { bindings } = catalog;
  const wanted = selection.map(({ workerId, count }) => ({ workerId, count, entry: entryOf(catalog, workerId) }));
  const devices = dealDevices(wanted, bindings, facts, problems);
  const planned = wanted.flatMap(({ workerId, count, entry }): PlannedWorker[] => {
    const queues = queuesOf(catalog, workerId, facts, problems);
    const own = devices.get(workerId);
    const instances = own?.length ?? (count === 'auto' ? 1 : count);
    return Array.from({ length: instances }, (_, instance): PlannedWorker => {
      const name = instances === 1 ? workerId : `${workerId}-${instance + 1}`;
      const device = own?.[instance];
      const variable = bindings.get(entry.resource_binding)?.device_env;
      const ports = (entry.ports ?? []).map((port) => port + instance * (entry.port_increment ?? 1));
      return {
        name,
        workerId,
        instance,
        queues,
        binding: entry.resource_binding,
        ...(device ? { device } : {}),
        ports,
        buildStage: entry.build_stage,
        env: {
          WORKER_ID: name,
          SWITCHYARD_INSTANCE: String(instance),
          ...(ports.length > 0 ? { SWITCHYARD_SERVICE_PORTS: ports.join(',') } : {}),
          ...(device && variable ? { [variable]: String(device.index) } : {}),
        },
      };
    });
  });
  checkPorts(planned, problems);
  if (problems.length > 0) throw new ConfigError('WORKERS does not fit this machine', problems);
  return planned;
}

function entryOf(catalog: Catalog, workerId: string) {
  const entry = catalog.workers.get(workerId);
  if (entry) return entry;
  throw new ConfigError('WORKERS is not valid', [
    {
      name: 'WORKERS',
      problem: `there is no worker "${workerId}" in the service mapping`,
      hint: meant(workerId, [...catalog.workers.keys()]),
    },
  ]);
}

function queuesOf(
  catalog: Catalog,
  workerId: string,
  facts: PlanFacts,
  problems: ConfigProblem[],
): PlannedWorker['queues'] {
  const name = `WORKERS, "${workerId}"`;
  const routes = [...catalog.services.values()]
    .flatMap((service) => service.routes)
    .filter((route) => route.worker_id === workerId);
  const here = routes.filter(({ pool }) => facts.pools?.includes(pool) ?? true);
  if (routes.length === 0) {
    const capabilities = catalog.workers.get(workerId)?.service.flatMap(({ capability }) => capability) ?? [];
    const families = new Set(capabilities.flatMap((capability) => catalog.off.get(capability) ?? []));
    problems.push({
      name,
      problem: 'cannot run: CONNECTORS leaves out what it needs',
      hint: `add ${[...families].join(', ')} to CONNECTORS, or take ${workerId} out of WORKERS`,
    });
  } else if (here.length === 0) {
    const pools = [...new Set(routes.map(({ pool }) => pool))].join(', ');
    problems.push({
      name,
      problem: `does not work for pool ${facts.pools?.join(', ')}`,
      hint: `the service mapping has it in: ${pools}`,
    });
  }
  return here.map((route) => ({ taskQueue: taskQueueOf(route.pool, route.capability), route }));
}

function checkPorts(planned: readonly PlannedWorker[], problems: ConfigProblem[]): void {
  const owners = new Map<number, string>();
  for (const { name, workerId, ports } of planned) {
    for (const port of ports) {
      const owner = owners.get(port);
      if (port > 65_535 || owner !== undefined) {
        problems.push({
          name: `workers.${workerId}.ports`,
          problem: port > 65_535 ? `give ${name} port ${port}` : `give ${name} port ${port}, which ${owner} has`,
          hint: 'begin elsewhere, change port_increment, or run fewer instances',
        });
      }
      owners.set(port, name);
    }
  }
}
