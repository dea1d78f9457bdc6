import type { Client } from '@temporalio/client';
import type { JobTask } from '../../contract/plan.ts';
import type { Catalog, CatalogRoute } from '../../platform/catalog/catalog.ts';
import type { Config } from '../../platform/config/settings.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { detectMachine } from '../../platform/machine/detect-machine.ts';
import { followNeeds } from '../../platform/presence/needs-board.ts';
import type { DeclaredFacts } from '../../platform/routing/declared-facts.ts';
import type { WorkerGroup } from '../process/worker-group.ts';
import type { ConnectorHost } from './connector-host.ts';
import type { CreateDerivedWorker } from './create-pool-workers.ts';
import { ownFacts } from './own-facts.ts';
import { QueueKeeper } from './queue-keeper.ts';
import type { SharedSlots } from './shared-slots.ts';

/** What a backend says it has loaded is asked for again after this. Milliseconds. */
const LOADED_MS = 20_000;

export interface KeepQueuesOptions {
  client: Client;
  config: Pick<Config, 'dataDir' | 'mockGpus'>;
  catalog: Catalog;
  /** With several for one queue where this process has several connectors for it; the one for plain jobs first. */
  routes: readonly CatalogRoute[];
  /** What the operator says of this worker. */
  declared: DeclaredFacts;
  connectors: Pick<ConnectorHost, 'get'>;
  create: CreateDerivedWorker;
  group: Pick<WorkerGroup, 'add'>;
  slotsOf(route: CatalogRoute): Pick<SharedSlots, 'forget'>;
  opened?(pool: string, taskQueue: string): void;
  env: NodeJS.ProcessEnv;
  logger: Logger;
}

export interface KeptQueues {
  /** A job begins here. */
  begun(task: JobTask): void;
  stop(): Promise<void>;
}

/**
 * Has a worker process take the jobs whose needs it meets, and tells by its queues which models it has loaded.
 */
export function keepQueues(options: KeepQueuesOptions): KeptQueues {
  const { client, config, catalog, routes, connectors, group, logger } = options;
  const connector = (route: CatalogRoute) => connectors.get(route.connector, route.api_config);
  const loaded = new Map<CatalogRoute, { at: number; models: Promise<readonly string[] | undefined> }>();
  const keeper = new QueueKeeper({
    routes,
    facts: ownFacts({
      catalog,
      gpus: async () => (await detectMachine(config)).gpus,
      env: options.env,
      declared: options.declared,
      connector,
    }),
    async loadedModels(route) {
      if (!keepsModels(catalog, route)) return undefined;
      const known = loaded.get(route);
      if (known && performance.now() - known.at < LOADED_MS) return known.models;
      const models = connector(route).then(async (ready) => (await ready.getServiceInfo()).capabilities.loaded_models);
      loaded.set(route, { at: performance.now(), models });
      return models;
    },
    create: options.create,
    run: (worker) => group.add(worker),
    opened: options.opened,
    closed: (route, queue) => options.slotsOf(route).forget(queue),
    logger,
  });
  const board = followNeeds(client, logger, (needs) => keeper.setNeeds(needs));
  return {
    begun({ pool, capability, job }) {
      const { connector: demanded, model: required } = job.requirements;
      const route = routes.find(
        (one) =>
          one.pool === pool && one.capability === capability && (demanded === undefined || one.connector === demanded),
      );
      if (!route || !keepsModels(catalog, route)) return;
      const model = required ?? catalog.services.get(capability)?.manifest.modelOf?.(job.payload);
      if (model !== undefined) keeper.used(route, model);
    },
    async stop() {
      keeper.stop();
      await board.stop();
    },
  };
}

/** Whether the workers of a service load models; hosted services have all of theirs at hand. */
function keepsModels({ services }: Catalog, { capability }: CatalogRoute): boolean {
  const service = services.get(capability);
  return service?.type === 'internal' || service?.manifest.modelOf !== undefined;
}
