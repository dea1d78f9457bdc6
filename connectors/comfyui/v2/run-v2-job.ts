import type { ArtifactRef } from '../../../contract/artifact.ts';
import { untilAborted } from '../../base/running-jobs.ts';
import { instanceName } from '../../base/server-address.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { JobData, JobResult, ProgressCallback } from '../../contract/connector.ts';
import type { JobContext } from '../../contract/job-context.ts';
import { HttpError } from '../../http/http-error.ts';
import { streamToOutput } from '../../http/stream-to-output.ts';
import { titleOf } from '../api-graph.ts';
import { executionFailure } from '../backend-errors.ts';
import { checkValues } from '../check-values.ts';
import { StaleOutputError } from '../collect-outputs.ts';
import type { JobPlan } from '../job-plan.ts';
import { checkPolicy } from '../node-policy.ts';
import { planGraph } from '../plan-graph.ts';
import { promptIdOf } from '../prompt-id.ts';
import { RunReport } from '../run-report.ts';
import type { ComfySettings } from '../settings.ts';
import { checkPrefixes, tagOf, tagOutputs } from '../tag-outputs.ts';
import type { TemplateStore } from '../template-store.ts';
import { mediaInputs, type MediaInput, uploadName } from '../upload-inputs.ts';
import type { V2Client } from './v2-client.ts';
import type { V2Job, V2Progress } from './v2-documents.ts';
import { v2CodeOf, v2Refusal } from './v2-errors.ts';
import { watchV2Job } from './watch-v2-job.ts';

export interface V2RunDeps {
  client: V2Client;
  settings: ComfySettings;
  templates: TemplateStore;
  /** Makes the job's id durable. */
  track: (id: string) => Promise<void>;
  /** Hears of a submission under way, whose id a cancel has to wait for. */
  submitting: (submission: Promise<V2Job>) => void;
}

/** A server that loses the job again and again is left to the job's own attempts. */
const MOST_SUBMISSIONS = 3;
/** By which a job is known again in a list: the key it was submitted under, in a node's `_meta`. */
const MARK = 'switchyard';

/** Which run of the job it is, and the server's job that it is not any more. */
interface Checkpoint {
  generation: number;
  over?: string;
}

/** One attempt of one job over Comfy API v2. */
export async function runV2Job(
  job: JobData,
  progress: ProgressCallback,
  context: JobContext,
  deps: V2RunDeps,
): Promise<JobResult> {
  const plan = await planGraph(job.payload, job.id, (name) => deps.templates.load(name));
  checkPolicy(plan, deps.settings.allowed_nodes, deps.settings.denied_nodes);
  checkPrefixes(plan);
  const inputs = mediaInputs(plan, undefined);
  await checkValues(plan, inputs, deps.settings);
  return new V2Run(job, plan, inputs, context, deps, new RunReport(job.id, progress)).run();
}

class V2Run {
  readonly #job: JobData;
  readonly #plan: JobPlan;
  readonly #inputs: readonly MediaInput[];
  readonly #context: JobContext;
  readonly #deps: V2RunDeps;
  readonly #report: RunReport;
  #generation: number;
  #previews = 0;
  #uploaded = false;

  constructor(
    job: JobData,
    plan: JobPlan,
    inputs: readonly MediaInput[],
    context: JobContext,
    deps: V2RunDeps,
    report: RunReport,
  ) {
    this.#job = job;
    this.#plan = plan;
    this.#inputs = inputs;
    this.#context = context;
    this.#deps = deps;
    this.#report = report;
    this.#generation = checkpointIn(context.checkpoint).generation;
  }

  async run(): Promise<JobResult> {
    const { client, settings } = this.#deps;
    const { signal, logger, checkpoint, serviceJobId } = this.#context;
    const known = serviceJobId === checkpointIn(checkpoint).over ? undefined : serviceJobId;
    let id = known !== undefined && (await client.job(known, signal)) ? known : undefined;
    const reattached = id !== undefined;
    if (known !== undefined && !reattached) {
      this.#report.note('Comfy API does not know the job of the last attempt: submitted again');
      await this.#startAnew(known);
    }
    for (let submissions = 0; ; ) {
      if (id === undefined) {
        id = await this.#submit();
        submissions += 1;
      }
      const ended = await watchV2Job({
        client,
        id,
        settings,
        onPlace: (at) => this.#report.place(placeOf(at)),
        onProgress: (at) => this.#tell(at),
        onPreview: (bytes, mime) => this.#context.live?.preview(bytes, mime, this.#previews++),
        logger,
        signal,
      });
      if (ended?.status === 'succeeded') return this.#finish(ended, { reattached, submissions });
      await this.#failUnlessLost(id, ended, submissions);
      this.#report.note('Comfy API has lost the job: submitted again');
      id = undefined;
    }
  }

  get #key(): string {
    return promptIdOf(this.#job.id, this.#generation);
  }

  /** @returns the id of the job that carries this run's key, whoever submitted it */
  async #submit(): Promise<string> {
    const { client, settings, submitting, track } = this.#deps;
    const { signal, logger } = this.#context;
    await this.#upload();
    const graph = structuredClone(this.#plan.graph);
    if (settings.tag_outputs) tagOutputs({ ...this.#plan, graph }, tagOf(this.#key));
    const [first] = Object.values(graph);
    if (first) first._meta = Object.assign({}, first._meta, { [MARK]: this.#key });
    signal.throwIfAborted();
    const org = settings.org_api_key ? { api_key_comfy_org: settings.org_api_key } : undefined;
    const submission = (async () => {
      try {
        return await client.submit(graph, this.#key, org);
      } catch (error) {
        // The key makes it safe to ask again: a job that was taken up behind a lost answer is not made twice.
        if (!(error instanceof HttpError) || error.delivery !== 'in_doubt') throw error;
        return client.submit(graph, this.#key, org);
      }
    })().catch(async (error: unknown) => {
      if (v2CodeOf(error) !== 'idempotency_key_reuse') throw v2Refusal(error, this.#plan);
      return this.#findByKey(error);
    });
    submitting(submission);
    const { id } = await untilAborted(submission, signal);
    await track(id);
    logger.info({ prompt_id: id }, 'job submitted to Comfy API');
    return id;
  }

  /** @throws ConnectorError when it cannot be found: it may run, so it is not submitted a second time */
  async #findByKey(cause: unknown): Promise<V2Job> {
    const { client } = this.#deps;
    for (const job of (await client.recentJobs()) ?? []) {
      const graph = await client.workflow(job.id);
      const marks = Object.values(graph ?? {}).map(
        (node) => (node as { _meta?: Record<string, unknown> })._meta?.[MARK],
      );
      if (marks.includes(this.#key)) return job;
    }
    throw new ConnectorError(
      'backend_error',
      'The graph was submitted before, its answer was lost, and Comfy API does not tell which job it became; it is not run a second time. Retry the job to run it anew',
      { cause, retryable: false },
    );
  }

  async #upload(): Promise<void> {
    if (this.#uploaded || this.#inputs.length === 0) return;
    const { client } = this.#deps;
    this.#report.step('uploading inputs');
    const sent = new Map<string, string>();
    for (const { node, input, reference } of this.#inputs) {
      let id = sent.get(reference);
      if (id === undefined) {
        const file = await this.#context.openInput(reference, this.#plan.pointerOf(node, input));
        id = await client.upload(file, uploadName(file), this.#context.signal);
        sent.set(reference, id);
      }
      this.#plan.graph[node]!.inputs[input] = { __type: 'core/ASSET', info: { id } };
    }
    this.#uploaded = true;
  }

  /** @throws ConnectorError unless the server has lost the job and it may be submitted again */
  async #failUnlessLost(id: string, ended: V2Job | undefined, submissions: number): Promise<void> {
    this.#context.signal.throwIfAborted();
    await this.#startAnew(id);
    if (ended?.status === 'canceled') {
      throw new ConnectorError('backend_error', 'The job was cancelled at Comfy API by somebody else');
    }
    if (ended?.status === 'failed') {
      const { message, node_id, class_type } = ended.error ?? {};
      // `ValueError: …` where the server puts the type into its message.
      const [, type] = /^([\w.]+(?:Error|Exception)):/.exec(message ?? '') ?? [];
      throw executionFailure(
        { node_id: node_id ?? undefined, node_type: class_type, exception_type: type, exception_message: message },
        this.#plan,
      );
    }
    if (submissions >= MOST_SUBMISSIONS)
      throw new ConnectorError('backend_error', `Comfy API has lost the job ${submissions} times`);
  }

  /** The next run has a key of its own: under this one nothing is taken any more. */
  async #startAnew(over: string): Promise<void> {
    this.#generation += 1;
    await this.#context.saveCheckpoint({ generation: this.#generation, over } satisfies Checkpoint);
  }

  #tell({ value, node, nodeClass, step, steps }: V2Progress): void {
    const title = node === undefined ? undefined : titleOf(this.#plan.graph, node);
    const counted = step != null && steps != null && steps > 1 ? `: step ${step} of ${steps}` : '';
    this.#report.progress({
      share: value,
      step: title,
      log: { node_id: node, websocket_message_type: undefined },
      message: `${title ?? nodeClass ?? 'running'}${counted}`,
    });
  }

  async #finish(ended: V2Job, facts: { reattached: boolean; submissions: number }): Promise<JobResult> {
    const { client, settings } = this.#deps;
    const { outputs, id } = ended;
    const tag = tagOf(this.#key);
    this.#report.collecting(0, outputs.length);
    const artifacts: ArtifactRef[] = [];
    for (const output of outputs) {
      const name = output.name.startsWith(tag) ? output.name.slice(tag.length) : output.name;
      try {
        const response = await client.content(output, this.#context.signal);
        const meta = { node_id: output.node_id, kind: output.type };
        artifacts.push(await streamToOutput(response, this.#context, { name: name || output.name, meta }));
      } catch (error) {
        if (!(error instanceof HttpError) || error.status !== 404) throw error;
        await this.#startAnew(id);
        throw new StaleOutputError({ filename: output.name, subfolder: '', type: 'output' }, error);
      }
      this.#report.collecting(artifacts.length, outputs.length);
    }
    // Also what a run that failed without a word looks like: the API tells no more.
    if (outputs.length === 0) this.#report.note('Comfy API names no output of this job: texts are not handed on by it');
    const { notes } = this.#report;
    return {
      job_id: this.#job.id,
      status: 'completed',
      result: {
        prompt_id: id,
        instance: instanceName(settings.base_url),
        ...facts,
        ...(notes.length > 0 ? { notes } : {}),
      },
      artifacts,
      service_info: { connector_id: '', service_job_id: id },
    };
  }
}

function placeOf({ status, queuePosition }: V2Job): Parameters<RunReport['place']>[0] {
  const item: [number, string, unknown, null, unknown] = [0, '', undefined, null, undefined];
  return status === 'queued'
    ? { state: 'pending', ahead: queuePosition ?? 0, someRuns: true, item }
    : { state: 'running', item };
}

function checkpointIn(value: unknown): Checkpoint {
  const { generation, over } = (value ?? {}) as { generation?: unknown; over?: unknown };
  return {
    generation: Number.isInteger(generation) ? (generation as number) : 0,
    ...(typeof over === 'string' ? { over } : {}),
  };
}
