import { BaseConnector } from '../base/base-connector.ts';
import { contextWith } from '../base/running-jobs.ts';
import { instanceName } from '../base/server-address.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type {
  ConnectorConfig,
  HealthCheckCapabilities,
  JobData,
  JobResult,
  ProgressCallback,
  ServiceInfo,
  ServiceJobStatus,
} from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { JobLogFacts } from '../contract/job-log.ts';
import type { LogFields } from '../contract/log-fields.ts';
import { cancelOrTell } from './cancel-prompt.ts';
import type { ComfyClient } from './comfy-client.ts';
import { findPrompt } from './find-prompt.ts';
import type { Execution } from './instances/executions.ts';
import { instancesFolder } from './instances/folder.ts';
import { InstanceLostError } from './instances/instance-lost.ts';
import { InstanceManager } from './instances/instance-manager.ts';
import { InstanceServers } from './instances/instance-servers.ts';
import { earlierPlace } from './instances/job-places.ts';
import type { KeptInstance } from './instances/kept-instance.ts';
import { PlaceQueue } from './instances/place-queue.ts';
import { comfyLogFields } from './log-fields.ts';
import { statusOfPrompt } from './prompt-status.ts';
import { runJob } from './run-job.ts';
import { COMFYUI_ENV, configFromEnv, readSettings } from './settings.ts';
import { DeadWorkerError } from './watch-prompt.ts';

/** Where a job is now. */
interface JobPlace {
  client: ComfyClient;
  promptId?: string;
  submission?: Promise<unknown>;
}

/** One job that goes from instance to instance ends somewhere. */
const MOST_MOVES = 5;

/**
 * ComfyUI on several instances: each job goes to the least loaded healthy one, or to the one that its metadata names
 * (`comfyui_instance`); when an instance goes away its jobs move. Which instances there are, and what state they are
 * in, says the machine that looks after them (docs/instances.md).
 */
export class ComfyUIInstancesConnector extends BaseConnector {
  service_type = 'comfyui' as const;
  version = '1.0.0';
  readonly #given: InstanceManager | undefined;
  readonly #jobs = new Map<string, JobPlace>();
  #manager: InstanceManager | undefined;
  #places: PlaceQueue | undefined;
  #servers: InstanceServers;

  /** @param manager of this process; without one it reads along what the machine's manager writes */
  constructor(connectorId = 'comfyui-instances', config: Partial<ConnectorConfig> = {}, manager?: InstanceManager) {
    super(connectorId, { service_type: 'comfyui', ...configFromEnv(process.env), ...config });
    this.#given = manager;
    this.#servers = new InstanceServers(this.config);
  }

  static override getRequiredEnvVars(): Record<string, string> {
    return { ...COMFYUI_ENV, SWITCHYARD_INSTANCES_DIR: '${SWITCHYARD_INSTANCES_DIR:-}' };
  }

  /** @throws ConnectorError `conflict` when the file of the instances is of a newer version, `validation` for bad settings */
  protected async initializeService(): Promise<void> {
    readSettings({ ...this.config, base_url: 'http://127.0.0.1:8188' }, undefined, process.env);
    if (this.#manager) return;
    const manager =
      this.#given ??
      new InstanceManager({ folder: instancesFolder(process.env), logger: this.logger, role: 'follower' });
    if (!this.#given) await manager.loadInstances();
    this.#manager = manager;
  }

  protected async cleanupService(): Promise<void> {
    const manager = this.#manager;
    this.#manager = undefined;
    this.#places = undefined;
    if (manager && manager !== this.#given) await manager.close();
  }

  protected override async configurationUpdated(): Promise<void> {
    this.#servers = new InstanceServers(this.config);
  }

  protected override logFields(facts: JobLogFacts): LogFields {
    return comfyLogFields(facts, undefined);
  }

  override async checkHealth(): Promise<boolean> {
    return this.#instances.getHealthyInstance() !== null;
  }

  async getServiceInfo(): Promise<ServiceInfo> {
    const manager = this.#instances;
    const usable = manager.getInstancesByLoad().filter(({ health }) => health.status !== 'unhealthy');
    const all = manager.listInstances();
    const sum = (of: (instance: (typeof all)[number]) => number) => usable.reduce((total, each) => total + of(each), 0);
    const best = usable[0] as KeptInstance | undefined;
    const models = best
      ? await this.#servers
          .of(best)
          .models.all()
          .catch(() => [])
      : [];
    return {
      service_name: 'ComfyUI instances',
      service_version: this.version,
      status: !best ? 'offline' : manager.instanceWithRoom() ? 'online' : 'busy',
      capabilities: {
        supported_models: models,
        features: ['progress', 'reattach', 'cancel', 'templates', 'previews', 'instances'],
        concurrent_jobs: sum(({ config }) => config.maxConcurrentWorkflows),
      },
      queue_info: { pending_jobs: 0, active_jobs: sum(({ health }) => health.systemStats?.activeWorkflows ?? 0) },
      details: { instances: all.length, usable_instances: usable.length },
    };
  }

  getHealthCheckCapabilities(): HealthCheckCapabilities {
    return {
      supportsBasicHealthCheck: true,
      supportsJobStatusQuery: true,
      supportsJobCancellation: true,
      supportsServiceRestart: false,
      supportsQueueIntrospection: true,
    };
  }

  override async queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    for (const { client } of this.#instances.listInstances()) {
      const place = await findPrompt(client, serviceJobId).catch(() => undefined);
      if (place && place.state !== 'unknown') return statusOfPrompt(serviceJobId, place);
    }
    return statusOfPrompt(serviceJobId, { state: 'unknown' });
  }

  protected override async cancelJobImpl(jobId: string, serviceJobId: string | undefined): Promise<void> {
    const place = this.#jobs.get(jobId);
    const promptId = place?.promptId ?? serviceJobId;
    if (!place || promptId === undefined) return;
    await this.#cancel(jobId, promptId, place);
  }

  protected async processJobImpl(
    job: JobData,
    progressCallback: ProgressCallback,
    context?: JobContext,
  ): Promise<JobResult> {
    if (!context) throw new ConnectorError('internal', 'comfyui needs a job context to read and write files');
    const manager = this.#instances;
    const { signal, logger } = context;
    const patienceMs =
      readSettings({ ...this.config, base_url: 'http://127.0.0.1' }, undefined, process.env).outage_seconds * 1_000;
    const tried = new Set<string>();
    // Somebody may have paused one a moment ago.
    await manager.refresh();
    let earlier = await earlierPlace(manager, context, patienceMs);
    for (;;) {
      let at: { instance: KeptInstance; place: JobPlace } | undefined;
      const begin = (instance: KeptInstance, promptId?: string) => {
        const place: JobPlace = { client: instance.client, promptId };
        at = { instance, place };
        this.#jobs.set(job.id, place);
        return manager.executeOnInstance(
          instance.id,
          (_client, execution) => this.#run(job, progressCallback, context, instance, place, execution),
          { signal, workflowId: job.id, whilePaused: promptId !== undefined },
        );
      };
      const say = (message: string) => void progressCallback({ job_id: job.id, progress: 0, message });
      try {
        if (earlier) return await begin(earlier, context.serviceJobId);
        const onWait = () => say('waiting for an instance');
        return await this.#queue(manager).place({ job, tried, signal, patienceMs, begin, onWait });
      } catch (error) {
        signal.throwIfAborted();
        earlier = undefined;
        if (!at || tried.size >= MOST_MOVES || !(await this.#mayMove(at.instance, error))) throw error;
        const { instance, place } = at;
        const gone = error instanceof InstanceLostError && error.queueLost;
        if (place.promptId !== undefined && !gone) manager.leaveBehind(instance.id, place.promptId);
        // One that was lost with its process comes back empty and is as good as the others then.
        if (!gone) tried.add(instance.id);
        logger.warn({ instance_id: instance.id, err: error }, 'the job moves to another instance');
        say(`moves from ${instance.id} to another instance`);
      } finally {
        this.#jobs.delete(job.id);
      }
    }
  }

  #queue(manager: InstanceManager): PlaceQueue {
    return (this.#places ??= new PlaceQueue(manager));
  }

  get #instances(): InstanceManager {
    if (!this.#manager) throw new ConnectorError('service_unavailable', `${this.connector_id} has not started`);
    return this.#manager;
  }

  async #run(
    job: JobData,
    progress: ProgressCallback,
    context: JobContext,
    instance: KeptInstance,
    place: JobPlace,
    execution: Execution,
  ): Promise<JobResult> {
    const server = this.#servers.of(instance);
    if (place.promptId !== undefined) execution.tracked(place.promptId);
    try {
      const result = await runJob(
        job,
        progress,
        contextWith(context, execution.signal, () => {}),
        {
          ...server,
          socketHeaders: instance.connection.headers,
          track: async (promptId) => {
            place.promptId = promptId;
            execution.tracked(promptId);
            await this.trackServiceJob(job.id, promptId, instanceName(instance.url));
          },
          submitting: (submission) => {
            // Goes on behind the back of a job that is cancelled meanwhile.
            submission.catch(() => {});
            place.submission = submission;
          },
        },
      );
      result.result = { ...(result.result as Record<string, unknown>), instance_id: instance.id };
      result.service_info = { ...result.service_info, connector_id: this.connector_id, instance_id: instance.id };
      return result;
    } catch (error) {
      // Over its time on this instance: nobody else tells ComfyUI.
      const { reason } = execution.signal as { reason?: unknown };
      const overdue = execution.signal.aborted && reason instanceof ConnectorError && reason.code === 'timeout';
      if (overdue && place.promptId !== undefined) void this.#cancel(job.id, place.promptId, place).catch(() => {});
      throw error;
    }
  }

  async #cancel(jobId: string, promptId: string, { client, submission }: JobPlace): Promise<void> {
    const { cancel_seconds: seconds } = readSettings(
      { ...this.config, base_url: client.baseUrl },
      undefined,
      process.env,
    );
    await cancelOrTell(client, promptId, { withinMs: seconds * 1_000, submission, logger: this.logger, jobId });
  }

  /** Whether the instance is to blame, and not the job. */
  async #mayMove(instance: KeptInstance, error: unknown): Promise<boolean> {
    const manager = this.#instances;
    if (error instanceof InstanceLostError) return true;
    if (error instanceof DeadWorkerError) {
      manager.reportDead(instance.id, error.message);
      return true;
    }
    if (!(error instanceof ConnectorError)) return false;
    if (error.code === 'conflict') return instance.status !== 'running';
    if (error.code !== 'service_unavailable' && error.code !== 'timeout') return false;
    if (manager.getInstance(instance.id) === null) return true;
    const { consecutiveFailures, status } = await manager.checkInstanceHealth(instance.id);
    return consecutiveFailures > 0 || status === 'unhealthy' || instance.status !== 'running';
  }
}
