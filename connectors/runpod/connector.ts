import { parseDuration } from '../../contract/duration.ts';
import { encodeFile, withFiles } from '../base/hosted/inline-inputs.ts';
import { PaidCall } from '../base/hosted/paid-call.ts';
import type { PlainClient } from '../base/hosted/plain-client.ts';
import { RemoteConnector } from '../base/hosted/remote-connector.ts';
import { runRemoteJob, type RemoteProtocol } from '../base/hosted/remote-job.ts';
import { risingProgress } from '../base/hosted/rising-progress.ts';
import { Writing } from '../base/hosted/writing.ts';
import { readPayload } from '../base/read-payload.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type {
  ConnectorConfig,
  HealthCheckCapabilities,
  JobData,
  JobResult,
  ProgressCallback,
  ServiceInfo,
} from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { JobLogFacts } from '../contract/job-log.ts';
import type { LogFields } from '../contract/log-fields.ts';
import { pathOf, readRun, readSubmitted, type RunDocument } from './documents.ts';
import { Endpoints } from './endpoints.ts';
import { failureOf } from './errors.ts';
import { runPayload, type RunPayload } from './payload.schema.ts';
import { PieceReader } from './read-pieces.ts';
import { finishRun, textOf } from './run-result.ts';
import { createRunPodApi, type RunPodApi } from './runpod-api.ts';
import { RunReports } from './run-reports.ts';
import { readSettings, variables, type RunPodSettings } from './settings.ts';

/** What /run takes. Bytes. */
const LARGEST = 10_000_000;
/** Between two questions for pieces. Milliseconds. */
const PIECES = 250;

/** What of a result the log wants. */
interface RunResult {
  endpoint: string;
  delay_ms: number;
  execution_ms: number;
  reattached: true;
}

/** Jobs on queue-based serverless endpoints at RunPod. */
export class RunPodConnector extends RemoteConnector<RunPodSettings, RunDocument> {
  service_type = 'runpod';
  protected readonly features = ['reattach', 'streaming', 'files', 'cost'];
  protected readonly protocol: RemoteProtocol<PlainClient, RunDocument> = {
    ask: async (client, id) => readRun(await client.send({ path: pathOf('status', id) }), id),
    cancel: (client, id) => client.send({ method: 'POST', path: pathOf('cancel', id) }),
    failure: failureOf,
  };
  readonly #endpoints = new WeakMap<RunPodApi, Endpoints>();

  constructor(connectorId = 'runpod', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, { service_type: 'runpod', ...config });
  }

  static override getRequiredEnvVars(): Record<string, string> {
    return variables();
  }

  override getHealthCheckCapabilities(): HealthCheckCapabilities {
    return { ...super.getHealthCheckCapabilities(), supportsQueueIntrospection: true };
  }

  override async getServiceInfo(): Promise<ServiceInfo> {
    const info = await super.getServiceInfo();
    const { endpoint_id } = this.api.settings;
    if (!endpoint_id || info.status !== 'online') return info;
    const health = await this.#endpointsOf(this.api)
      .health(endpoint_id)
      .catch(() => undefined);
    if (!health?.jobs) return info;
    const { inQueue = 0, inProgress = 0 } = health.jobs;
    return { ...info, queue_info: { pending_jobs: inQueue, active_jobs: inProgress } };
  }

  protected override logFields(facts: JobLogFacts): LogFields {
    const { endpoint, delay_ms, execution_ms, reattached } = (facts.result?.result ?? {}) as Partial<RunResult>;
    const [tracked, id] = facts.serviceJobId?.split('/') ?? [];
    const asked = (facts.job.payload as { endpoint?: unknown } | undefined)?.endpoint;
    const ids = { runpod_job_id: id, endpoint_id: endpoint ?? tracked ?? asked, reattached };
    return { ...super.logFields(facts), ...ids, run_time_ms: execution_ms, queue_time_ms: delay_ms };
  }

  protected nameOf({ official, host }: RunPodSettings): string {
    return official ? 'RunPod' : `RunPod protocol at ${host}`;
  }

  protected readSettings(config: Partial<ConnectorConfig>): RunPodSettings {
    return readSettings(config, process.env);
  }

  protected connect(settings: RunPodSettings): RunPodApi {
    const api = createRunPodApi(settings);
    this.#endpoints.set(api, new Endpoints(api));
    return api;
  }

  protected async processJobImpl(job: JobData, report: ProgressCallback, context?: JobContext): Promise<JobResult> {
    if (!context) throw new ConnectorError('internal', 'runpod needs a job context to read and write files');
    const startedAt = performance.now();
    const payload = readPayload(runPayload, job.payload);
    const { api } = this;
    const { settings } = api;
    const endpoint = await this.modelFor(payload.endpoint, settings.endpoint_id, 'RUNPOD_ENDPOINT_ID', context.signal);
    const paid = new PaidCall<PlainClient>({
      api,
      jobId: job.id,
      context,
      payload,
      model: endpoint,
      ifLost: payload.if_lost,
      charge: `a run on the endpoint ${endpoint}`,
      tokens: { input: 0, output: 0 },
    });
    const rising = risingProgress(report);
    const writing = new Writing({ jobId: job.id, report: rising, live: context.live, maxTokens: undefined });
    const endpoints = this.#endpointsOf(api);
    const reports = new RunReports({ jobId: job.id, report: rising, endpoint, endpoints, signal: context.signal });
    const reader = payload.stream ? new PieceReader(this.protocol, paid, writing) : undefined;
    const interval = settings.poll_seconds * 1_000;
    const result = await runRemoteJob<PlainClient, RunDocument>({
      api,
      protocol: reader ?? this.protocol,
      paid,
      context,
      kept: 'jobs are forgotten half an hour after their end, and at the end of their ttl',
      submit: (options) => this.#submit(payload, endpoint, paid, context, options),
      lost: reader && ((said) => reader.lost(said)),
      observe: (said) => reports.observe(said, writing.tokens > 0),
      intervalMs: reader ? Math.min(PIECES, interval) : interval,
      maxIntervalMs: reader ? Math.min(PIECES, interval) : undefined,
    });
    const finished = await finishRun({
      jobId: job.id,
      connectorId: this.connector_id,
      api,
      endpoint,
      result,
      pieces: reader?.pieces ?? [],
      collectFiles: payload.collect_files,
      context,
      startedAt,
    });
    const text = reader && textOf(result.job.raw.output ?? reader.pieces);
    if (text === undefined) void rising({ job_id: job.id, progress: 100, message: 'done' });
    else writing.done(text, undefined);
    return finished;
  }

  async #submit(
    payload: RunPayload,
    endpoint: string,
    paid: PaidCall<PlainClient>,
    context: JobContext,
    options: { signal?: AbortSignal },
  ) {
    const endpoints = this.#endpointsOf(this.api);
    await endpoints.check(endpoint, context.signal);
    const policy = policyOf(payload);
    const json = {
      input: await withFiles(
        payload.input,
        '/payload/input',
        context,
        (file) => encodeFile(file, payload.file_encoding),
        this.api.settings.allow_private_urls,
      ),
      ...(policy ? { policy } : {}),
      ...payload.extra_body,
    };
    refuseTooLarge(json);
    try {
      return await paid.send(
        async (client) => readSubmitted(await client.send({ method: 'POST', path: `${endpoint}/run`, json }), endpoint),
        options,
      );
    } catch (error) {
      if (error instanceof ConnectorError && error.code === 'not_found') throw endpoints.missing(endpoint, error);
      throw error;
    }
  }

  #endpointsOf(api: RunPodApi): Endpoints {
    return this.#endpoints.get(api) as Endpoints;
  }
}

/** What the job wishes beside the endpoint's own settings. */
function policyOf({ execution_timeout, ttl, low_priority: lowPriority }: RunPayload): object | undefined {
  const fields = { executionTimeout: milliseconds(execution_timeout), ttl: milliseconds(ttl), lowPriority };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return given.length > 0 ? Object.fromEntries(given) : undefined;
}

function milliseconds(duration: string | number | undefined): number | undefined {
  return duration === undefined ? undefined : parseDuration(duration);
}

function refuseTooLarge(json: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(json));
  if (bytes <= LARGEST) return;
  const detail = `makes a request of ${bytes} bytes`;
  const hint = `RunPod takes at most ${LARGEST}: give large files as https addresses`;
  throw new ConnectorError('payload_too_large', `/payload/input ${detail}; ${hint}`, {
    errors: [{ pointer: '/payload/input', detail, hint }],
  });
}
