import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { NativeConnection, type Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { z } from 'zod';
import { createAnnounceNeed } from '../../activities/announce-need.ts';
import { createPlanJob } from '../../activities/plan-job.ts';
import type { ProcessJobDeps } from '../../activities/process-job/deps.ts';
import { createProcessJob } from '../../activities/process-job/process-job.ts';
import type { ConnectorInterface } from '../../connectors/contract/connector.ts';
import type { PluginHost } from '../../connectors/plugins/plugin-host.ts';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import type { ArtifactStore } from '../../platform/artifacts/artifact-store.ts';
import { createFileArtifactStore } from '../../platform/artifacts/file-artifact-store.ts';
import { joinCatalog } from '../../platform/catalog/join-catalog.ts';
import { poolSchema } from '../../platform/catalog/pools.schema.ts';
import type { Catalog } from '../../platform/catalog/catalog.ts';
import { loadConfig } from '../../platform/config/load-config.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { createInputResolver } from '../../platform/inputs/create-input-resolver.ts';
import { createOrchestrator } from '../../workers/orchestrator/create-orchestrator.ts';
import { taskQueueOf } from '../../contract/task-queues.ts';
import { PresenceCache } from '../../platform/presence/presence-cache.ts';
import type { DeclaredFacts } from '../../platform/routing/declared-facts.ts';
import { HotSends } from '../../platform/routing/hot-sends.ts';
import { createPoolWorkers, derivedWorkers } from '../../workers/pool/create-pool-workers.ts';
import { keepQueues, type KeptQueues } from '../../workers/pool/keep-queues.ts';
import { followPools } from '../../workers/pool/follow-pools.ts';
import { PoolSlots } from '../../workers/pool/pool-slots.ts';
import { servedRoutes } from '../../workers/pool/served-routes.ts';
import { installTemporalRuntime } from '../../workers/process/temporal-runtime.ts';
import { runWorkers, type WorkerGroup } from '../../workers/process/worker-group.ts';
import { ScriptedConnector } from './scripted-connector.ts';
import { startTestTemporal, type TestTemporal } from './temporal-server.ts';

export const scriptedManifest: ServiceManifest = {
  service: 'scripted',
  title: 'Scripted',
  description: 'Does what a test says',
  connectors: ['ScriptedConnector'],
  payload: z.strictObject({ text: z.string().optional(), number: z.number().max(10).optional() }) as z.ZodType<
    Record<string, unknown>
  >,
  inputs: [],
  example: {},
};

/** Two pools that can run the service, `first` preferred; tests may take other times. */
export function scriptedCatalog(pools: Record<string, object> = { first: {}, second: {} }): Catalog {
  return catalogOf('ScriptedConnector', scriptedManifest, pools);
}

/** A catalog of one service, served by that class in all these pools. */
export function catalogOf(className: string, manifest: ServiceManifest, pools: Record<string, object>): Catalog {
  return joinCatalog(
    {
      connectors: { [className]: {} },
      workers: {
        [manifest.service]: {
          service: [{ capability: manifest.service, connector: className, type: 'internal' }],
          pools: Object.keys(pools),
          resource_binding: 'shared',
          build_stage: 'base',
          required_env: [],
        },
      },
    },
    new Map(Object.entries(pools).map(([name, pool]) => [name, poolSchema.parse(pool)])),
    [manifest],
  );
}

/** A pool worker other than the scripted one. */
export interface PoolOptions {
  connector?: (className: string) => Promise<ConnectorInterface>;
  plugins?: Pick<PluginHost, 'begin'>;
  /** Default: silent. */
  logger?: Logger;
  /** Default 1,000,000. */
  maxOutputBytes?: number;
  /** Default `worker/<pool>`. */
  identity?: string;
  live?: ProcessJobDeps['live'];
  /** It takes jobs with needs too, and has this. Default: none but plain jobs. */
  facts?: DeclaredFacts;
  /** As another process would have it: on one connection the SDK takes one worker for a queue. */
  ownConnection?: boolean;
  /** With a connection of its own: where it finds Temporal. */
  address?: string;
}

/** Orchestrator and pool workers in this process, on a real server, with a connector that follows a script. */
export class InProcessStack {
  readonly temporal: TestTemporal;
  readonly client: Client;
  readonly connector = new ScriptedConnector();
  readonly dataDir: string;
  readonly catalog: Catalog;
  readonly #connection: NativeConnection;
  readonly #groups: WorkerGroup[] = [];
  readonly #closing: Promise<void>[] = [];
  readonly #keeping: KeptQueues[] = [];
  readonly #hotSends = new HotSends();
  /** Set when the stack was started to know who is there. */
  presence: PresenceCache | undefined;
  readonly config;

  private constructor(
    temporal: TestTemporal,
    connection: NativeConnection,
    dataDir: string,
    catalog: Catalog,
    env: NodeJS.ProcessEnv,
  ) {
    this.temporal = temporal;
    this.#connection = connection;
    this.dataDir = dataDir;
    this.catalog = catalog;
    this.client = new Client({ connection, namespace: temporal.namespace });
    this.config = loadConfig(
      { SWITCHYARD_DATA_DIR: dataDir, TEMPORAL_ADDRESS: temporal.address, ...env },
      process.cwd(),
    ).config;
  }

  static async start(
    options: {
      catalog?: Catalog;
      pools?: string[];
      env?: NodeJS.ProcessEnv;
      orchestrator?: boolean;
      /** Jobs are routed by who is there. */
      presence?: boolean;
    } = {},
  ): Promise<InProcessStack> {
    const temporal = await startTestTemporal();
    quietRuntime();
    const connection = await NativeConnection.connect({ address: temporal.address });
    const dataDir = await mkdtemp(join(tmpdir(), 'switchyard-test-'));
    const stack = new InProcessStack(
      temporal,
      connection,
      dataDir,
      options.catalog ?? scriptedCatalog(),
      options.env ?? {},
    );
    if (options.presence) {
      const { workflowService } = stack.client;
      const logger = pino({ level: 'silent' });
      stack.presence = new PresenceCache({ workflowService, namespace: temporal.namespace, logger, refreshMs: 300 });
      stack.presence.start();
    }
    if (options.orchestrator ?? true) await stack.startOrchestrator();
    for (const pool of options.pools ?? ['first']) await stack.startPool(pool);
    return stack;
  }

  get planning() {
    return {
      artifactRetention: this.config.artifactRetention,
      heartbeatTimeout: this.config.heartbeatTimeout,
      maxPayloadBytes: this.config.maxPayloadBytes,
      ...(this.presence ? { presence: (queue: string) => this.presence!.queue(queue), hotSends: this.#hotSends } : {}),
    };
  }

  async startOrchestrator(): Promise<WorkerGroup> {
    const activities = {
      planJob: createPlanJob(this.catalog, this.planning),
      announceNeed: createAnnounceNeed(this.client),
    };
    return this.#run([
      await createOrchestrator({
        connection: this.#connection,
        config: this.config,
        activities,
        identity: 'orchestrator',
      }),
    ]);
  }

  get artifacts(): ArtifactStore {
    return createFileArtifactStore(join(this.dataDir, 'artifacts'));
  }

  /** A group is one worker process's share: a pool may have several, and each can be shut down by itself. */
  async startPool(pool: string, options: PoolOptions = {}): Promise<WorkerGroup> {
    const identity = options.identity ?? `worker/${pool}`;
    const connector = options.connector ?? (async () => this.connector);
    let kept: KeptQueues | undefined;
    const processJob = createProcessJob({
      connector: (className, task) => {
        kept?.begun(task);
        return connector(className);
      },
      artifacts: this.artifacts,
      inputs: createInputResolver({ config: this.config, artifacts: this.artifacts }),
      plugins: options.plugins,
      logger: options.logger ?? pino({ level: 'silent' }),
      workRoot: join(this.dataDir, 'work'),
      maxOutputBytes: options.maxOutputBytes ?? 1_000_000,
      worker: identity,
      live: options.live,
    });
    const connection = options.ownConnection
      ? await NativeConnection.connect({ address: options.address ?? this.temporal.address })
      : this.#connection;
    const slots = new PoolSlots();
    const routes = servedRoutes(this.catalog, pool, undefined);
    const poolWorkers = {
      connection,
      config: this.config,
      catalog: this.catalog,
      routes,
      activities: { processJob },
      identity,
      slots,
    };
    const workers = await createPoolWorkers(poolWorkers);
    const client = new Client({ connection, namespace: this.temporal.namespace });
    const logger = pino({ level: 'silent' });
    const pools = await followPools({ client, pools: this.catalog.pools, slots, logger, refreshMs: 250 });
    const group = this.#run(workers);
    void group.failed.then(() => pools.stop());
    if (options.facts) {
      kept = keepQueues({
        ...{ client, config: this.config, catalog: this.catalog, routes, group, logger, env: {} },
        declared: options.facts,
        connectors: { get: connector },
        create: derivedWorkers(poolWorkers),
        slotsOf: ({ pool: of, capability }) => slots.of(taskQueueOf(of, capability)).slots,
        opened: (of, taskQueue) => pools.opened(of, taskQueue),
      });
      this.#keeping.push(kept);
    }
    if (options.ownConnection) {
      this.#closing.push(group.done.catch(() => {}).then(() => connection.close()));
    }
    return group;
  }

  #run(workers: Worker[]): WorkerGroup {
    const group = runWorkers(workers, pino({ level: 'silent' }));
    group.done.catch(() => {});
    this.#groups.push(group);
    return group;
  }

  async stop(): Promise<void> {
    this.presence?.stop();
    await Promise.all(this.#keeping.map((kept) => kept.stop()));
    for (const group of this.#groups) group.shutdown();
    await Promise.allSettled(this.#groups.map((group) => group.done));
    await Promise.all(this.#closing);
    await this.#connection.close();
    await this.temporal.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

let installed = false;

/** The SDK's runtime logs to the terminal unless told otherwise; it can be set up once per test file. */
export function quietRuntime(): void {
  if (installed) return;
  installed = true;
  installTemporalRuntime(loadConfig({}, process.cwd()).config, pino({ level: 'silent' }));
}
