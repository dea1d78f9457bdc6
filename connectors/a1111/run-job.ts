import type { ArtifactRef } from '../../contract/artifact.ts';
import { readPayload } from '../base/read-payload.ts';
import { untilAborted } from '../base/running-jobs.ts';
import { instanceName } from '../base/server-address.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobData, JobResult, ProgressCallback } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { Slots } from '../http/slots.ts';
import type { A1111Client } from './a1111-client.ts';
import { explained, isLost } from './backend-errors.ts';
import { buildRequest, checkSize, type WorkRequest } from './build-request.ts';
import type { Catalog } from './catalog.ts';
import { checkJob } from './check-job.ts';
import type { GenerationInfo } from './documents.ts';
import { a1111Payload, modeOf, type A1111Payload } from './payload.schema.ts';
import { readInputs } from './read-inputs.ts';
import { RunReport } from './run-report.ts';
import { saving, type SavedPicture, type SavedPictures } from './saved-pictures.ts';
import type { A1111Settings } from './settings.ts';
import { readMade, storePictures, storeSaved, type Made } from './store-pictures.ts';
import { AnswerOverdueError, Submission } from './submission.ts';
import { takeUp } from './take-up.ts';
import { isTask, newExtrasId, newTaskId } from './task-state.ts';

/** What a job needs of its connector. */
export interface RunDeps {
  client: A1111Client;
  settings: A1111Settings;
  catalog: Catalog;
  /** undefined: the server is not asked to keep files. */
  saved: SavedPictures | undefined;
  slot: Slots;
  /** Makes the task's id durable. */
  track: (taskId: string) => Promise<void>;
  /** Told of the request under way, so that a cancel can reach it. */
  submitted: (submission: Submission) => void;
}

/** One attempt of one job, from payload to artifacts. */
export async function runJob(
  job: JobData,
  progress: ProgressCallback,
  context: JobContext,
  deps: RunDeps,
): Promise<JobResult> {
  const payload = readPayload(a1111Payload, job.payload);
  const report = new RunReport(job.id, progress);
  report.step('checking the job');
  const names = await untilAborted(checkJob(payload, deps.catalog, deps.settings), context.signal);
  const inputs = await readInputs(payload, context);
  const request = buildRequest(job.id, payload, names, inputs);
  checkSize(payload, request, inputs.pictures, deps.settings.max_megapixels);
  return new JobRun(job, payload, request, context, deps, report).run();
}

class JobRun {
  readonly #job: JobData;
  readonly #payload: A1111Payload;
  readonly #request: WorkRequest;
  readonly #context: JobContext;
  readonly #deps: RunDeps;
  readonly #report: RunReport;
  readonly #saved: SavedPictures | undefined;
  #submission: Submission | undefined;

  constructor(
    job: JobData,
    payload: A1111Payload,
    request: WorkRequest,
    context: JobContext,
    deps: RunDeps,
    report: RunReport,
  ) {
    this.#job = job;
    this.#payload = payload;
    this.#request = request;
    this.#context = context;
    this.#deps = deps;
    this.#report = report;
    // What the job wants to stay in force at the server must not be ours.
    const keeps = modeOf(payload) === 'extras' || payload.override_settings_restore_afterwards === false;
    this.#saved = keeps ? undefined : deps.saved;
  }

  async run(): Promise<JobResult> {
    const { signal } = this.#context;
    this.#report.step('waiting for the instance');
    const release = await this.#deps.slot.take(signal);
    try {
      const earlier = this.#earlierTask();
      if (earlier) {
        const pictures = await takeUp(earlier, this.#request, this.#saved, this.#watching());
        if (pictures) return await this.#collect(earlier, pictures, true);
      }
      return await this.#submit();
    } finally {
      // The next request goes out when this one is over at the server, too.
      if (this.#submission) void this.#submission.answer.then(release, release);
      else release();
    }
  }

  /** What an attempt before this one has submitted, and not seen the end of. */
  #earlierTask(): string | undefined {
    const { serviceJobId, checkpoint } = this.#context;
    const ended = (checkpoint as { ended?: unknown } | null | undefined)?.ended;
    return serviceJobId === ended ? undefined : serviceJobId;
  }

  #watching() {
    const { client, settings } = this.#deps;
    return { client, settings, context: this.#context, report: this.#report };
  }

  async #submit(): Promise<JobResult> {
    const { track, submitted, settings } = this.#deps;
    const { signal, logger } = this.#context;
    const { route, body } = this.#request;
    const taskId = modeOf(this.#payload) === 'extras' ? newExtrasId() : newTaskId();
    // Before the server hears of it: whatever happens from here on, the next attempt knows what to look for.
    await track(taskId);
    signal.throwIfAborted();
    const marked = isTask(taskId) ? { ...body, force_task_id: taskId, send_images: true } : body;
    const sent = this.#saved ? saving(marked, taskId) : marked;
    const submission = new Submission(taskId, route, sent, this.#watching());
    this.#submission = submission;
    submitted(submission);
    logger.info({ task_id: taskId, route, instance: instanceName(settings.base_url) }, 'submitted to Automatic1111');
    let made: Made;
    try {
      made = readMade(await submission.outcome());
      await this.#refuseInterrupted(made);
    } catch (error) {
      signal.throwIfAborted();
      return this.#failed(taskId, error);
    }
    return this.#finish(taskId, made);
  }

  async #failed(taskId: string, error: unknown): Promise<JobResult> {
    const lost = isLost(error) || error instanceof AnswerOverdueError;
    if (lost && this.#saved) {
      this.#context.logger.warn({ err: error, task_id: taskId }, 'the answer was lost; looking for the pictures');
      const pictures = await takeUp(taskId, this.#request, this.#saved, this.#watching());
      if (pictures) return this.#collect(taskId, pictures, false);
    }
    // A server that is away may still be at it: the next attempt looks.
    const away = error instanceof ConnectorError && (error.code === 'timeout' || error.code === 'service_unavailable');
    if (!lost && !away) await this.#context.saveCheckpoint({ v: 1, ended: taskId });
    throw explained(error, this.#payload);
  }

  /** Whoever presses the button on the server's page gets a whole answer made, of what there was. */
  async #refuseInterrupted({ pictures, info }: Made): Promise<void> {
    const { expected } = this.#request;
    const count = pictures.length - info.firstImage;
    const why = 'somebody else has interrupted the task at the server';
    if (expected !== undefined && count < expected) {
      throw new ConnectorError('backend_error', `Automatic1111 made ${count} of ${expected} pictures: ${why}`);
    }
    if (info.jobTimestamp === undefined) return;
    const { signal } = this.#context;
    const last = await this.#deps.client.progress(signal).catch(() => undefined);
    if (last?.interrupted && last.jobTimestamp === info.jobTimestamp) {
      throw new ConnectorError('backend_error', `The picture is not finished: ${why}`);
    }
  }

  async #finish(taskId: string, made: Made): Promise<JobResult> {
    const { info } = made;
    const artifacts = await storePictures(made, this.#request.expected, this.#storing());
    await this.#clear(taskId);
    const facts = { steps: info.steps, cfg_scale: info.cfgScale, seed: info.seeds[0] };
    const named = { sampler: info.sampler, model_checkpoint: info.model };
    this.#context.logger.info({ task_id: taskId, ...named, ...facts }, 'pictures received');
    return this.#result(taskId, artifacts, { reattached: false, submissions: 1, ...describe(info) });
  }

  /** @param reattached whether an earlier attempt had submitted it */
  async #collect(taskId: string, pictures: SavedPicture[], reattached: boolean): Promise<JobResult> {
    const seed = Number(this.#request.body['seed']);
    const artifacts = await storeSaved(pictures, seed, this.#storing());
    await this.#clear(taskId);
    this.#report.notes.push("the answer was lost; the pictures come from the server's files");
    return this.#result(taskId, artifacts, { reattached, submissions: reattached ? 0 : 1, seed });
  }

  #storing() {
    return { context: this.#context, report: this.#report, stem: modeOf(this.#payload) };
  }

  /** Best effort: files that stay cost room, not the job. */
  async #clear(taskId: string): Promise<void> {
    await this.#saved?.clear(taskId, this.#request).catch((error: unknown) => {
      this.#context.logger.warn({ err: error, task_id: taskId }, 'files of the task stay at the server');
    });
  }

  #result(taskId: string, artifacts: ArtifactRef[], facts: Record<string, unknown>): JobResult {
    const { notes } = this.#report;
    this.#report.done(artifacts.length);
    return {
      job_id: this.#job.id,
      status: 'completed',
      artifacts,
      result: {
        mode: modeOf(this.#payload),
        ...(isTask(taskId) ? { task_id: taskId } : {}),
        instance: instanceName(this.#deps.settings.base_url),
        pictures: artifacts.length,
        ...facts,
        ...(notes.length > 0 ? { notes } : {}),
      },
      service_info: { connector_id: '', service_job_id: taskId },
    };
  }
}

function describe(info: GenerationInfo): Record<string, unknown> {
  const [seed] = info.seeds;
  const all = {
    seed,
    seeds: info.seeds.length > 1 ? info.seeds : undefined,
    model: info.model,
    model_hash: info.modelHash,
    sampler: info.sampler,
    steps: info.steps,
    cfg_scale: info.cfgScale,
    infotext: info.infotext,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
