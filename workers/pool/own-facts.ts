import type { GpuFacts } from '../../contract/machine-facts.ts';
import type { ConnectorInterface } from '../../connectors/contract/connector.ts';
import type { Catalog, CatalogRoute } from '../../platform/catalog/catalog.ts';
import type { WorkerFacts } from '../../platform/routing/worker-facts.ts';
import { type DeclaredFacts, withDeclared } from '../../platform/routing/declared-facts.ts';

/** Older lists of models are asked for again. Milliseconds. */
const MODELS_MS = 25_000;
const MIB = 2 ** 20;

export interface OwnFactsOptions {
  catalog: Catalog;
  /** Looked for when a job first needs one. */
  gpus(): Promise<readonly GpuFacts[]>;
  /** Of the process: what it is bound to. */
  env: NodeJS.ProcessEnv;
  /** What the operator says of this worker. */
  declared: DeclaredFacts;
  connector(route: CatalogRoute): Promise<ConnectorInterface>;
}

/**
 * What this worker has, route by route. A service elsewhere has what its pool offers: nobody can look into it. A service on
 * this machine has the GPUs that the process may use, whatever its pool promises. What the operator declares goes first.
 */
export function ownFacts(options: OwnFactsOptions): (route: CatalogRoute, withModels: boolean) => Promise<WorkerFacts> {
  const { catalog, declared, env, connector } = options;
  const models = new Map<CatalogRoute, { list: Promise<readonly string[] | undefined>; at: number }>();
  let gpus: Promise<readonly GpuFacts[]> | undefined;

  const modelsOf = (route: CatalogRoute) => {
    const known = models.get(route);
    if (known && performance.now() - known.at < MODELS_MS) return known.list;
    const list = connector(route)
      .then((ready) => ready.getAvailableModels())
      .then((names) => (names.length > 0 ? names : (route.models ?? catalog.pools.get(route.pool)!.offers.models)));
    models.set(route, { list, at: performance.now() });
    list.catch(() => models.delete(route));
    return list;
  };

  return async (route, withModels) => {
    const { offers } = catalog.pools.get(route.pool)!;
    const internal = catalog.services.get(route.capability)?.type === 'internal';
    const elsewhere = {
      machine_type: offers.machine_type,
      gpus: Array<number>(offers.gpu_count).fill(offers.gpu_memory_mb),
    };
    const here = async () => {
      gpus ??= options.gpus();
      const own = ownGpus(await gpus, route, catalog, env);
      return {
        machine_type: own.length > 0 ? ('gpu' as const) : ('cpu' as const),
        gpus: own.map(({ memory_total_bytes: bytes }) => Math.floor((bytes ?? 0) / MIB)),
      };
    };
    const known = declared.models ?? (withModels ? await modelsOf(route) : undefined);
    const found = { ...(internal ? await here() : elsewhere), connector: route.connector };
    return withDeclared({ ...found, ...(known ? { models: known } : {}) }, declared);
  };
}

/** Those the process is bound to; of a worker bound to the CPU none; without a binding all of the machine. */
function ownGpus(
  gpus: readonly GpuFacts[],
  route: CatalogRoute,
  { workers }: Catalog,
  env: NodeJS.ProcessEnv,
): readonly GpuFacts[] {
  const binding = route.worker_id === undefined ? 'shared' : workers.get(route.worker_id)?.resource_binding;
  if (binding === 'cpu') return [];
  const { SWITCHYARD_MOCK_GPU: mock, CUDA_VISIBLE_DEVICES: cuda, ROCR_VISIBLE_DEVICES: rocm } = env;
  return gpus.filter(({ vendor, device, uuid }) => {
    const seen = vendor === 'mock' ? mock : vendor === 'amd' ? rocm : vendor === 'nvidia' ? cuda : undefined;
    const names = seen?.split(',').map((name) => name.trim());
    return names === undefined || names.includes(device) || (uuid !== undefined && names.includes(uuid));
  });
}
