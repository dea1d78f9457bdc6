import type { ArtifactRef } from '../../contract/artifact.ts';
import { untilAborted } from '../base/running-jobs.ts';
import { instanceName } from '../base/server-address.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobData, JobResult, ProgressCallback } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import { reachableFrom } from './api-graph.ts';
import { executionFailure } from './backend-errors.ts';
import { checkGraph, type Definitions } from './check-graph.ts';
import { checkValues } from './check-values.ts';
import { chooseFiles, collectFiles, collectTexts, readOutputs, StaleOutputError } from './collect-outputs.ts';
import type { ComfyClient } from './comfy-client.ts';
import type { NodeOutputs } from './documents.ts';
import { findPrompt, markOf, type PromptPlace } from './find-prompt.ts';
import { GraphProgress } from './graph-progress.ts';
import type { JobPlan } from './job-plan.ts';
import { checkPolicy } from './node-policy.ts';
import type { NodeCatalog } from './object-info.ts';
import { planGraph } from './plan-graph.ts';
import { clientIdOf, fingerprintOf, promptIdOf } from './prompt-id.ts';
import { PromptSocket } from './prompt-socket.ts';
import { RunReport } from './run-report.ts';
import type { ComfySettings } from './settings.ts';
import { sendsPictures, SocketPictures } from './socket-pictures.ts';
import { submitPrompt } from './submit-prompt.ts';
import { checkPrefixes, tagOf, tagOutputs } from './tag-outputs.ts';
import type { TemplateStore } from './template-store.ts';
import { mediaInputs, uploadInputs } from './upload-inputs.ts';
import { type Outcome, PromptWatch } from './watch-prompt.ts';

/** What a job needs of its connector. */
export interface RunDeps {
  client: ComfyClient;
  settings: ComfySettings;
  catalog: NodeCatalog;
  templates: TemplateStore;
  /** Headers for the socket; undefined: no socket is used. */
  socketHeaders: Readonly<Record<string, string>> | undefined;
  /** Makes the prompt's id durable. */
  track: (promptId: string) => Promise<void>;
  /** Told of a submission under way, so that a cancel can wait for it. */
  submitting: (submission: Promise<unknown>) => void;
}

/** A server that loses the prompt again and again is left to the job's own attempts. */
const MOST_SUBMISSIONS = 3;

/** One attempt of one job, from payload to artifacts. */
export async function runJob(
  job: JobData,
  progress: ProgressCallback,
  context: JobContext,
  deps: RunDeps,
): Promise<JobResult> {
  const plan = await planGraph(job.payload, job.id, (name) => deps.templates.load(name));
  checkPolicy(plan, deps.settings.allowed_nodes, deps.settings.denied_nodes);
  checkPrefixes(plan);
  return new JobRun(job, plan, context, deps, new RunReport(job.id, progress)).run();
}

class JobRun {
  readonly #job: JobData;
  readonly #plan: JobPlan;
  readonly #context: JobContext;
  readonly #deps: RunDeps;
  readonly #report: RunReport;
  readonly #mark: string;
  #generation: number;
  #promptId = '';
  #previews = 0;
  #prepared: Promise<void> | undefined;
  #definitions: Definitions;
  #pictures: SocketPictures;

  constructor(job: JobData, plan: JobPlan, context: JobContext, deps: RunDeps, report: RunReport) {
    this.#job = job;
    this.#plan = plan;
    this.#context = context;
    this.#deps = deps;
    this.#report = report;
    this.#mark = fingerprintOf(job.payload);
    this.#generation = generationIn(context.checkpoint);
    this.#pictures = new SocketPictures(plan.graph, context);
  }

  async run(): Promise<JobResult> {
    const { logger, serviceJobId } = this.#context;
    let place = await this.#findOwn();
    const reattached = place.state !== 'unknown';
    if (reattached) logger.info({ prompt_id: this.#promptId, state: place.state }, 'prompt found again on ComfyUI');
    else if (serviceJobId === this.#promptId) {
      this.#report.note('ComfyUI does not know the prompt of the last attempt: submitted again');
      logger.warn(
        { prompt_id: this.#promptId },
        'ComfyUI does not know the prompt of the last attempt; submitting again',
      );
    }
    let submissions = 0;
    for (;;) {
      if (place.state === 'unknown') submissions += 1;
      const outcome = await this.#follow(place);
      if (outcome.kind === 'done') return this.#finish(outcome.outputs, { reattached, submissions });
      await this.#failUnlessLost(outcome, submissions);
      this.#report.note('ComfyUI was restarted and lost the prompt: submitted again');
      logger.warn(
        { prompt_id: this.#promptId, submissions },
        'ComfyUI was restarted and lost the prompt; submitting again',
      );
      place = { state: 'unknown' };
    }
  }

  /** Looks for the prompt of this job, whoever submitted it; passes over one that another payload has left behind. */
  async #findOwn(): Promise<PromptPlace> {
    const { client } = this.#deps;
    const { serviceJobId, checkpoint, signal } = this.#context;
    this.#promptId =
      checkpoint === undefined && serviceJobId ? serviceJobId : promptIdOf(this.#job.id, this.#generation);
    for (;;) {
      const place = await findPrompt(client, this.#promptId, signal);
      const mark = markOf(place);
      if (place.state === 'unknown' || mark === undefined || mark === this.#mark) return place;
      this.#generation += 1;
      this.#promptId = promptIdOf(this.#job.id, this.#generation);
    }
  }

  /** Submits the prompt if need be, and stays with it until its end. */
  async #follow(place: PromptPlace): Promise<Outcome> {
    const { client, settings, socketHeaders } = this.#deps;
    const { signal, logger } = this.#context;
    if (place.state === 'unknown') await (this.#prepared ??= this.#prepare());
    const over = new AbortController();
    const within = AbortSignal.any([signal, over.signal]);
    const { graph } = this.#plan;
    const progress = new GraphProgress(graph, this.#nodesToRun());
    this.#pictures = new SocketPictures(graph, this.#context);
    const watch = new PromptWatch({
      client,
      promptId: this.#promptId,
      settings,
      hasSocket: socketHeaders !== undefined,
      onPlace: (at) => this.#report.place(at),
      signal,
    });
    try {
      if (socketHeaders && place.state !== 'finished') {
        const socket = new PromptSocket({
          baseUrl: client.baseUrl,
          headers: socketHeaders,
          promptId: this.#promptId,
          clientId: clientIdOf(this.#promptId),
          onConnected: (connected) => watch.connected(connected),
          onEvent: (event) => {
            watch.take(event);
            if (progress.take(event)) this.#report.progress(progress.view());
            const preview = this.#pictures.take(event);
            if (preview) this.#context.live?.preview(preview.bytes, preview.mime, this.#previews++);
          },
          logger,
          signal: within,
        });
        await socket.start();
        signal.throwIfAborted();
      }
      if (place.state === 'unknown') await this.#submit();
      return await watch.outcome();
    } finally {
      over.abort();
    }
  }

  /** Checks the graph against the server and uploads what it needs; a prompt that is found again has had both. */
  async #prepare(): Promise<void> {
    const { client, catalog, settings, socketHeaders } = this.#deps;
    this.#report.step('checking the graph');
    refuseSocketNodes(this.#plan, socketHeaders !== undefined);
    this.#definitions = await checkGraph(this.#plan, catalog);
    const inputs = mediaInputs(this.#plan, this.#definitions);
    await checkValues(this.#plan, inputs, settings);
    if (inputs.length > 0) this.#report.step('uploading inputs');
    await uploadInputs(this.#plan, inputs, this.#context, client);
    if (settings.tag_outputs) tagOutputs(this.#plan, tagOf(this.#promptId));
  }

  async #submit(): Promise<void> {
    const { client, settings, track, submitting } = this.#deps;
    const { logger, signal } = this.#context;
    // Before the server hears of it: whatever happens from here on, the next attempt finds the prompt.
    await track(this.#promptId);
    signal.throwIfAborted();
    const partners = settings.org_api_key ? { api_key_comfy_org: settings.org_api_key } : {};
    const request = {
      prompt: this.#plan.graph,
      prompt_id: this.#promptId,
      client_id: clientIdOf(this.#promptId),
      extra_data: { ...partners, switchyard: { job_id: this.#job.id, payload: this.#mark } },
    };
    const submission = submitPrompt(client, this.#plan, request, logger);
    submitting(submission);
    await untilAborted(submission, signal);
    logger.info({ prompt_id: this.#promptId, client_id: request.client_id }, 'prompt submitted to ComfyUI');
  }

  /** @throws ConnectorError unless the prompt was lost in a restart and may be submitted again */
  async #failUnlessLost(outcome: Exclude<Outcome, { kind: 'done' }>, submissions: number): Promise<void> {
    const { signal } = this.#context;
    signal.throwIfAborted();
    if (outcome.kind === 'gone') {
      if (outcome.restarted && submissions < MOST_SUBMISSIONS) return;
      throw new ConnectorError(
        'backend_error',
        outcome.restarted
          ? `ComfyUI was restarted and lost the prompt ${submissions} times`
          : 'The prompt was taken out of the queue of ComfyUI by somebody else',
      );
    }
    if (outcome.kind === 'interrupted') {
      await this.#startAnew();
      throw new ConnectorError('backend_error', 'The prompt was interrupted at ComfyUI by somebody else');
    }
    const failure = executionFailure(outcome.error, this.#plan);
    await this.#startAnew();
    if (failure.code === 'out_of_memory') await this.#free();
    throw failure;
  }

  /** The next attempt runs the graph under a new id; under this one the failure stays in the history. */
  async #startAnew(): Promise<void> {
    await this.#context.saveCheckpoint({ generation: this.#generation + 1 });
  }

  /** Best effort: what fills the memory must not fail the next prompt, too. */
  async #free(): Promise<void> {
    await this.#deps.client.free({ unload_models: true, free_memory: true }).catch((error: unknown) => {
      this.#context.logger.warn({ err: error }, 'ComfyUI could not be told to free its memory');
    });
  }

  async #finish(outputs: NodeOutputs, facts: { reattached: boolean; submissions: number }): Promise<JobResult> {
    const { client, settings } = this.#deps;
    const { files, texts } = readOutputs(outputs);
    const chosen = chooseFiles(files, this.#plan.payload.collect);
    this.#report.collecting(0, chosen.length);
    const artifacts: ArtifactRef[] = [];
    let inline: Record<string, string[]>;
    try {
      artifacts.push(...(await this.#pictures.finish()));
      const tag = tagOf(this.#promptId);
      artifacts.push(
        ...(await collectFiles(chosen, client, this.#context, tag, (done) =>
          this.#report.collecting(done, chosen.length),
        )),
      );
      const written = await collectTexts(texts, this.#context);
      artifacts.push(...written.artifacts);
      inline = written.inline;
    } catch (error) {
      this.#context.signal.throwIfAborted();
      // What is lost for good, as opposed to a download that broke off: only another run brings it back.
      if (error instanceof StaleOutputError) await this.#free();
      if (error instanceof ConnectorError && error.code === 'backend_error') await this.#startAnew();
      throw error;
    }
    const { notes } = this.#report;
    return {
      job_id: this.#job.id,
      status: 'completed',
      result: {
        prompt_id: this.#promptId,
        instance: instanceName(settings.base_url),
        ...facts,
        ...(Object.keys(inline).length > 0 ? { texts: inline } : {}),
        ...(notes.length > 0 ? { notes } : {}),
      },
      artifacts,
      service_info: { connector_id: '', service_job_id: this.#promptId },
    };
  }

  #nodesToRun(): Set<string> {
    const { graph } = this.#plan;
    const ids = Object.keys(graph);
    // Without the definitions (found again, or a server that tells none) the ends of the graph stand for the outputs.
    const outputs = this.#definitions
      ? ids.filter((id) => this.#definitions?.get(graph[id]!.class_type)?.outputNode)
      : ids;
    return reachableFrom(graph, outputs);
  }
}

function refuseSocketNodes(plan: JobPlan, hasSocket: boolean): void {
  const node = Object.keys(plan.graph).find((id) => sendsPictures(plan.graph, id));
  if (hasSocket || node === undefined) return;
  const detail = 'sends its pictures over a WebSocket, which this connector does not use';
  throw new ConnectorError('validation', `Node ${node} ${detail}`, {
    errors: [
      { pointer: plan.pointerOf(node), detail, hint: 'use SaveImage, or run the job on ComfyUIWebSocketConnector' },
    ],
  });
}

/** What `saveCheckpoint` of an earlier attempt wrote. */
function generationIn(checkpoint: unknown): number {
  const generation = (checkpoint as { generation?: unknown } | null | undefined)?.generation;
  return typeof generation === 'number' && Number.isInteger(generation) ? generation : 0;
}
