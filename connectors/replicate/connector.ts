import { PaidCall } from '../base/hosted/paid-call.ts';
import type { PlainClient } from '../base/hosted/plain-client.ts';
import { RemoteConnector } from '../base/hosted/remote-connector.ts';
import { runRemoteJob, type RemoteJob, type RemoteProtocol, type RemoteWork } from '../base/hosted/remote-job.ts';
import { risingProgress } from '../base/hosted/rising-progress.ts';
import { Writing } from '../base/hosted/writing.ts';
import { readPayload } from '../base/read-payload.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ConnectorConfig, JobData, JobResult, ProgressCallback } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { JobLogFacts } from '../contract/job-log.ts';
import type { LogFields } from '../contract/log-fields.ts';
import { cancelAfter } from './deadline.ts';
import { readPrediction, type Prediction } from './documents.ts';
import { failureOf } from './errors.ts';
import { nameOf, TargetFinder, type Wish } from './find-target.ts';
import { InputFiles } from './input-files.ts';
import { checkInput } from './input-schema.ts';
import { progressInLogs } from './log-progress.ts';
import { OutputStream } from './output-stream.ts';
import { predictionPayload, type PredictionPayload } from './payload.schema.ts';
import { finishPrediction, textOf } from './prediction-result.ts';
import { createReplicateApi, type ReplicateApi } from './replicate-api.ts';
import { readSettings, variables, type ReplicateSettings } from './settings.ts';

/** What of a result the log wants. */
interface PredictionResult {
  version: string;
  prediction_id: string;
  metrics: Record<string, unknown>;
  reattached: true;
}

/** Any model or deployment at Replicate. */
export class ReplicateConnector extends RemoteConnector<ReplicateSettings, Prediction> {
  service_type = 'replicate';
  protected readonly features = ['reattach', 'streaming', 'deployments', 'files', 'cost'];
  protected readonly protocol: RemoteProtocol<PlainClient, Prediction> = {
    ask: async (client, id) => readPrediction(await client.send({ path: `predictions/${id}` })),
    cancel: (client, id) => client.send({ method: 'POST', path: `predictions/${id}/cancel` }),
    failure: failureOf,
  };
  readonly #finders = new WeakMap<ReplicateApi, TargetFinder>();

  constructor(connectorId = 'replicate', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, { service_type: 'replicate', ...config });
  }

  static override getRequiredEnvVars(): Record<string, string> {
    return variables();
  }

  protected override logFields(facts: JobLogFacts): LogFields {
    const { version, prediction_id, metrics, reattached } = (facts.result?.result ?? {}) as Partial<PredictionResult>;
    const { predict_time: ran, total_time: took } = metrics ?? {};
    const ms = (seconds: unknown) => (typeof seconds === 'number' ? Math.round(seconds * 1_000) : undefined);
    const waited = typeof ran === 'number' && typeof took === 'number' ? ms(took - ran) : undefined;
    const ids = { prediction_id: prediction_id ?? facts.serviceJobId, version, reattached };
    return { ...super.logFields(facts), ...ids, run_time_ms: ms(ran), queue_time_ms: waited };
  }

  protected nameOf({ official, host }: ReplicateSettings): string {
    return official ? 'Replicate' : `Replicate protocol at ${host}`;
  }

  protected readSettings(config: Partial<ConnectorConfig>): ReplicateSettings {
    return readSettings(config, process.env);
  }

  protected connect(settings: ReplicateSettings): ReplicateApi {
    const api = createReplicateApi(settings);
    this.#finders.set(api, new TargetFinder(api));
    return api;
  }

  protected async processJobImpl(job: JobData, report: ProgressCallback, context?: JobContext): Promise<JobResult> {
    if (!context) throw new ConnectorError('internal', 'replicate needs a job context to read and write files');
    const startedAt = performance.now();
    const payload = readPayload(predictionPayload, job.payload);
    const { api } = this;
    const wish = await this.#wishOf(payload, context.signal);
    const name = nameOf(wish);
    const paid = new PaidCall<PlainClient>({
      api,
      jobId: job.id,
      context,
      payload,
      model: name,
      ifLost: payload.if_lost,
      charge: `a run of ${name}`,
      tokens: { input: 0, output: 0 },
    });
    const rising = risingProgress(report);
    const writing = new Writing({ jobId: job.id, report: rising, live: context.live, maxTokens: undefined });
    const stream = payload.stream ? new OutputStream(api, context, writing) : undefined;
    const files = new InputFiles(api, api.settings.allow_private_urls);
    const work: RemoteWork<PlainClient, Prediction> = {
      api,
      protocol: this.protocol,
      paid,
      context,
      kept: 'the API forgets predictions about an hour after their end',
      submit: (options) => this.#submit(payload, wish, files, paid, context, options),
      lost: ({ raw }) =>
        raw.data_removed ? 'its output has been removed there, as happens about an hour after the end' : undefined,
      observe: (said) => observe(said, job.id, rising, writing),
      intervalMs: api.settings.poll_seconds * 1_000,
      follow: stream && ((said) => stream.follow(said)),
    };
    const result = await runRemoteJob(work).finally(async () => {
      if (!context.signal.aborted) await files.remove();
    });
    const text = textOf(result.job.raw.output);
    if (stream && result.job.raw.urls?.stream && text !== undefined) writing.done(text, undefined);
    const finished = await finishPrediction({
      jobId: job.id,
      connectorId: this.connector_id,
      api,
      name,
      result,
      context,
      startedAt,
    });
    void rising({ job_id: job.id, progress: 100, message: 'done' });
    return finished;
  }

  async #wishOf(payload: PredictionPayload, signal: AbortSignal): Promise<Wish> {
    const { deployment, model } = payload;
    if (deployment !== undefined) {
      await this.api.checkModel(deployment, signal);
      return { deployment };
    }
    const named = model ?? this.api.settings.model;
    await this.modelFor(named && nameOf({ model: named }), undefined, 'REPLICATE_MODEL', signal);
    return { model: named as string };
  }

  async #submit(
    { input, cancel_after, extra_body }: PredictionPayload,
    wish: Wish,
    files: InputFiles,
    paid: PaidCall<PlainClient>,
    context: JobContext,
    options: { signal?: AbortSignal },
  ) {
    const { api } = this;
    const { signal } = context;
    const target = await (this.#finders.get(api) as TargetFinder).find(wish, signal);
    if (target.schema) checkInput(target.schema, input, target.name);
    const { path, version } = target;
    const json = {
      ...(version === undefined ? {} : { version }),
      input: await files.place(input, context),
      ...extra_body,
    };
    const headers = cancelAfter(cancel_after ?? api.settings.cancel_after);
    // No "Prefer: wait": the id must be known, and durable, before anything is waited for.
    return paid.send(async (client) => readPrediction(await client.send({ method: 'POST', path, json, headers })), {
      ...options,
      key: files.key,
    });
  }
}

function observe(
  { status, raw }: RemoteJob<Prediction>,
  job_id: string,
  report: ProgressCallback,
  writing: Writing,
): void {
  if (status === 'pending') {
    void report({ job_id, progress: 1, message: 'starting: a model that nobody has used lately takes minutes' });
  }
  if (status !== 'running' || writing.tokens > 0) return;
  const bar = progressInLogs(raw.logs);
  void report({
    job_id,
    progress: bar ? 2 + bar.percent * 0.95 : 2,
    message: bar ? `${bar.percent} %` : 'running',
    current_step: bar?.step,
    total_steps: bar?.total,
  });
}
