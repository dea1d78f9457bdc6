import type { ConnectorConfig, ServiceJobStatus } from '../contract/connector.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobContext } from '../contract/job-context.ts';
import { backoffMs, pause } from '../http/backoff.ts';
import { HttpError } from '../http/http-error.ts';
import { patientSignal } from '../http/patient-signal.ts';
import { poll } from '../http/poller.ts';
import type { JobAnswer } from './answer.ts';
import { AsyncMapping, type ServiceState } from './async-mapping.ts';
import type { Scope } from './expression.ts';
import { RestConnector, type RestJob, type RestTarget } from './rest-connector.ts';

/** How long an interrupted submission may still bring the id that is needed to cancel it. Milliseconds. */
const SUBMIT_GRACE = 2_000;
/** Times a service may say that it does not know a job it has just taken: its stores may lag. */
const UNKNOWN_AT_FIRST = 3;
/** How long a cancel is repeated. Milliseconds. */
const CANCEL_FOR = 15_000;
const CANCEL_BACKOFF = { firstMs: 200, maxMs: 2_000, growth: 2, jitter: 0.3 };

/** A job the service has, or is being given. */
interface Work {
  target: RestTarget<'async'>;
  scope: Scope;
  id: Promise<string | undefined>;
}

/**
 * Services that take a job and are asked how it is. The service's id is durable before the first question: the next
 * attempt goes on watching, collects what is finished, and submits again only what the service no longer has.
 */
export class RestAsyncConnector extends RestConnector<'async'> {
  protected readonly kind = 'async' as const;
  readonly #mappings = new WeakMap<RestTarget<'async'>, AsyncMapping>();
  readonly #work = new Map<string, Work>();

  constructor(connectorId = 'rest-async', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }

  protected override compile(target: RestTarget<'async'>): void {
    this.#mappings.set(target, new AsyncMapping(target));
  }

  /**
   * @param serviceJobId the service's id, or `<service>:<id>` where this worker has several services; more than that,
   * such as what `async.keep` keeps, is known to the job's own attempts only
   */
  override async queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    const unknown = { serviceJobId, status: 'unknown', canReconnect: false, canCancel: false } as const;
    const found = this.#find(serviceJobId);
    if (!found) return unknown;
    const { mapping, scope } = found;
    const { state, progress, error } = await mapping.ask(scope, undefined);
    const open = state === 'pending' || state === 'running';
    return {
      serviceJobId,
      status: state,
      canReconnect: open || state === 'completed',
      canCancel: open && mapping.cancelRequest !== undefined,
      progress,
      errorMessage: error,
    };
  }

  protected async work(target: RestTarget<'async'>, job: RestJob): Promise<JobAnswer & { serviceJobId?: string }> {
    const earlier = await this.#earlier(target, job);
    try {
      const { id, scope, state } = earlier ?? (await this.#submit(target, job));
      const ended = state ?? (await this.#watch(target, job, id, scope));
      await job.report(95, 'collecting the result');
      return { ...(await this.#collect(target, job, ended, scope)), serviceJobId: id };
    } finally {
      this.#work.delete(job.data.id);
    }
  }

  /** Repeated until the service has stopped, or no longer has anything to stop. */
  protected override async cancelJobImpl(jobId: string, serviceJobId: string | undefined): Promise<void> {
    const work = this.#work.get(jobId);
    if (!work) return;
    const mapping = this.#mappings.get(work.target) as AsyncMapping;
    const id = serviceJobId ?? (await work.id);
    if (id === undefined || !mapping.cancelRequest) return;
    const scope = { ...work.scope, id };
    const until = performance.now() + CANCEL_FOR;
    for (let tries = 1; ; tries++) {
      try {
        const request = await mapping.cancelRequest(scope);
        const gone = [404, 405, 409, 410, 422];
        const response = await work.target.runtime.send({ ...request, ok_statuses: gone }, scope);
        await response.discard();
        const { state } = await mapping.ask(scope, undefined);
        if (state !== 'pending' && state !== 'running') return;
      } catch (error) {
        this.logger.debug({ err: error, job_id: jobId, service_job_id: id, tries }, 'cancel not taken yet');
      }
      if (performance.now() > until) break;
      await pause(backoffMs(CANCEL_BACKOFF, tries), undefined);
    }
    this.logger.warn({ job_id: jobId, service_job_id: id }, 'the service goes on with a cancelled job');
  }

  /** What an earlier attempt has left at the service, if that is still of use. */
  async #earlier(target: RestTarget<'async'>, job: RestJob) {
    const { context } = job;
    const id = context?.serviceJobId;
    if (context === undefined || id === undefined) return undefined;
    const mapping = this.#mappings.get(target) as AsyncMapping;
    const scope = { ...job.scope, id, kept: keptOf(context) };
    this.#work.set(job.data.id, { target, scope, id: Promise.resolve(id) });
    const found = await poll({
      what: `The service job ${id}`,
      interval_ms: target.runtime.service.async.poll.interval,
      ask: async () => ({ value: await mapping.ask(scope, job.signal) }),
      signal: job.signal,
    });
    const { state } = found;
    const log = context.logger.child({ service_job_id: id, state });
    if (state === 'failed' || state === 'cancelled' || state === 'unknown') {
      log.warn('the service job of an earlier attempt is of no use: submitting again');
      return undefined;
    }
    log.info('re-attached to the service job of an earlier attempt');
    return { id, scope, state: state === 'completed' ? found : undefined };
  }

  async #submit(target: RestTarget<'async'>, job: RestJob) {
    const { runtime, answers } = target;
    const mapping = this.#mappings.get(target) as AsyncMapping;
    const request = await runtime.submit(job.scope, job.files);
    const patient = patientSignal(job.signal, SUBMIT_GRACE);
    const answered = (async () => {
      const sent = { ...request, signal: patient.signal };
      const response = await runtime.sendSubmission(sent, job.scope, { queueSignal: job.signal });
      const body = await answers.read(response, job.scope);
      return { id: await mapping.idOf(body, job.scope), body };
    })();
    const id = answered.then(
      (answer) => answer.id,
      () => undefined,
    );
    this.#work.set(job.data.id, { target, scope: job.scope, id });
    try {
      const { body, id: given } = await answered;
      const kept = await mapping.kept(body, job.scope);
      const scope = { ...job.scope, id: given, kept };
      this.#work.set(job.data.id, { target, scope, id });
      // Before the id: an id without what is kept would be of no use.
      if (kept !== undefined) await job.context?.saveCheckpoint({ kept });
      await this.trackServiceJob(job.data.id, given, runtime.service.base_url);
      job.signal.throwIfAborted();
      const said = await mapping.said(body, job.scope);
      const at = said === undefined ? undefined : runtime.service.async.states[said];
      const state = at === 'completed' || at === 'failed' ? await mapping.read(body, scope) : undefined;
      return { id: given, scope, state };
    } finally {
      patient.dispose();
    }
  }

  /** Until the service has ended the job in one way or another. */
  #watch(target: RestTarget<'async'>, job: RestJob, id: string, scope: Scope): Promise<ServiceState> {
    const mapping = this.#mappings.get(target) as AsyncMapping;
    const { poll: rhythm } = target.runtime.service.async;
    let unknown = 0;
    return poll<ServiceState>({
      what: `The service job ${id}`,
      interval_ms: rhythm.interval,
      max_interval_ms: rhythm.max_interval,
      growth: rhythm.growth,
      deadline_ms: rhythm.deadline,
      signal: job.signal,
      onFailure: (error, inARow) =>
        job.context?.logger.debug({ err: error, service_job_id: id, in_a_row: inARow }, 'status not answered'),
      ask: async () => {
        const state = await mapping.ask(scope, job.signal);
        if (state.state === 'unknown' && ++unknown > UNKNOWN_AT_FIRST) {
          throw new HttpError('backend_error', `The service no longer knows its job ${id}`, {
            delivery: 'answered',
            retryable: false,
          });
        }
        if (state.state === 'unknown') return undefined;
        if (state.state !== 'pending' && state.state !== 'running') return { value: state };
        await job.report(Math.min(95, Math.max(0, state.progress ?? 0)), state.message ?? state.state);
        return undefined;
      },
    });
  }

  async #collect(target: RestTarget<'async'>, job: RestJob, ended: ServiceState, scope: Scope): Promise<JobAnswer> {
    if (ended.state === 'cancelled') throw new ConnectorError('backend_error', 'The service has cancelled the job');
    if (ended.state === 'failed') throw await this.#failure(target, ended, scope);
    const mapping = this.#mappings.get(target) as AsyncMapping;
    const { runtime, answers } = target;
    if (!mapping.resultRequest) return answers.collectRead(ended.body, scope, job.context);
    const unlimited = runtime.service.response.as === 'binary' ? { max_response_bytes: Infinity } : {};
    const request = { ...(await mapping.resultRequest(scope)), ...unlimited, signal: job.signal };
    return answers.collect(await runtime.send(request, scope), scope, job.context);
  }

  async #failure({ runtime }: RestTarget<'async'>, ended: ServiceState, scope: Scope): Promise<ConnectorError> {
    const facts = { status: 200, headers: {}, body: ended.body };
    const said = ended.error ?? 'without a reason';
    return (
      (await runtime.errors.find(facts, scope)) ??
      new ConnectorError('backend_error', `The service failed: ${said}`.slice(0, 2_000))
    );
  }

  #find(given: string): { mapping: AsyncMapping; scope: Scope } | undefined {
    for (const { target, scope } of this.#work.values()) {
      if (scope['id'] === given) return { mapping: this.#mappings.get(target) as AsyncMapping, scope };
    }
    const targets = this.targets();
    const [, name, rest] = /^([^:]+):(.+)$/.exec(given) ?? [];
    const named = name === undefined ? undefined : targets.get(name);
    const runtimes = new Set([...targets.values()]);
    const target = named ?? (runtimes.size === 1 ? [...runtimes][0] : undefined);
    if (!target) return undefined;
    const scope = { params: target.runtime.service.params, id: named ? rest : given, job: {}, payload: {}, key: '' };
    return { mapping: this.#mappings.get(target) as AsyncMapping, scope };
  }
}

function keptOf(context: JobContext): unknown {
  return (context.checkpoint as { kept?: unknown } | undefined)?.kept;
}
