import { APIConnectionError, APIError, type OpenAI } from 'openai';
import { ConnectorError } from '../contract/connector-error.ts';
import { goesOnElsewhere } from '../contract/stop-cause.ts';
import { patientSignal } from '../http/patient-signal.ts';
import { poll } from '../http/poller.ts';
import { cancelResponse } from './cancel-response.ts';
import { responsesBody } from './request-body.ts';
import { isOver, ResponseEvents } from './response-stream.ts';
import { answerOfResponse, type TextAnswer } from './text-answer.ts';
import type { TextJob } from './text-job.ts';

type Response = OpenAI.Responses.Response;
type Events = AsyncIterable<OpenAI.Responses.ResponseStreamEvent> & { controller: AbortController };

/** How often a broken stream of a background response is taken up again before it is polled. */
const MAX_RESUMES = 5;
/** A plain response ends with its connection; what the server still has of it shows soon. Milliseconds. */
const LOOK_BACK = 10_000;
/** On an abort, a request under way may still say which response it has started. Milliseconds. */
const GRACE = 2_000;

/**
 * Gets a text from POST /responses. In the background, the response outlives connection and worker: its id is durable
 * before anything waits for it, and whoever comes next goes on watching.
 */
export async function runResponse(job: TextJob): Promise<TextAnswer> {
  const known = job.context?.serviceJobId;
  if (known !== undefined) {
    const found = await findAgain(job, known);
    if (found) return found;
  } else job.paid.refuseToRepeat();
  try {
    return await (job.background ? inBackground(job) : atOnce(job));
  } catch (error) {
    job.signal?.throwIfAborted();
    throw job.api.settings.official ? error : withHint(error);
  }
}

/** @returns undefined when the response has failed, so that another may be asked for */
async function findAgain(job: TextJob, id: string): Promise<TextAnswer | undefined> {
  const { paid, context } = job;
  paid.refuseToReplaceAgain(id);
  let response: Response;
  try {
    response = await retrieve(job, id);
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== 'not_found') throw error;
    paid.refuseToRepeat(forgotten(id));
    return undefined;
  }
  context?.logger.info({ service_job_id: id, status: response.status }, 'response found again');
  if (response.status === 'failed') {
    await paid.ended();
    return undefined;
  }
  if (isOver(response)) return finish(job, response, true);
  if (!response.background) return lookBack(job, id, new ConnectorError('service_unavailable', 'the worker was lost'));
  return finish(job, await watch(job, new ResponseEvents(job.writing), id, undefined), true);
}

async function inBackground(job: TextJob): Promise<TextAnswer> {
  const { paid, signal, stream, wish, writing } = job;
  const body = { ...responsesBody(wish), background: true };
  // Not the job's own signal: a response whose id is never learned could neither be cancelled nor found again.
  const patience = patientSignal(signal, GRACE);
  try {
    const track = (id: string) => tracked(job, id);
    if (!stream) {
      const { value } = await paid.send((client) => client.responses.create(body), {
        signal: patience.signal,
      });
      await track(value.id);
      return await finish(job, isOver(value) ? value : await pollToEnd(job, value.id), false);
    }
    const events = new ResponseEvents(writing, track);
    const { value, exchange } = await paid.send((client) => client.responses.create({ ...body, stream: true }), {
      signal: patience.signal,
    });
    return await finish(job, await watch(job, events, undefined, value), false, exchange.headers['x-request-id']);
  } finally {
    patience.dispose();
  }
}

/** Makes the id durable. A job that was stopped meanwhile stops its response, unless another attempt goes on with it. */
async function tracked(job: TextJob, id: string): Promise<void> {
  const { api, context, paid, signal } = job;
  try {
    await context?.trackServiceJob(id, api.settings.host);
    signal?.throwIfAborted();
  } catch (error) {
    if (signal?.aborted && !goesOnElsewhere(signal)) await cancelResponse(api, id, paid.key);
    throw error;
  }
}

/**
 * Follows a background response to its end: by its stream while that can be had, then by asking.
 * @param id undefined when the stream is the one that creates it
 */
async function watch(
  job: TextJob,
  events: ResponseEvents,
  id: string | undefined,
  first: Events | undefined,
): Promise<Response> {
  const { signal, writing } = job;
  let stream = first ?? (id === undefined ? undefined : await reopen(job, id, undefined));
  for (let resumes = 0; stream; resumes++) {
    const over = await readOrDrop(job, events, stream);
    if (over) return over;
    const known = id ?? events.id;
    if (known === undefined) return job.paid.failed(brokenOff(), 'the stream broke off before it named its response');
    const response = await askOften(job, known);
    if (isOver(response)) return response;
    job.context?.logger.warn({ service_job_id: known, resumes }, 'the stream broke off; the response is still running');
    stream = resumes < MAX_RESUMES ? await reopen(job, known, events.sequence) : undefined;
    if (stream && events.sequence === undefined) writing.restart();
  }
  signal?.throwIfAborted();
  return pollToEnd(job, (id ?? events.id) as string);
}

/** @returns the response at its end; undefined when the stream broke off before */
async function readOrDrop(job: TextJob, events: ResponseEvents, stream: Events): Promise<Response | undefined> {
  const { signal, context } = job;
  const onAbort = () => {
    if (events.id !== undefined) stream.controller.abort();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const over = await events.read(stream);
    signal?.throwIfAborted();
    return over;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ConnectorError && error.code === 'output_too_large') await giveUp(job, events.id, error);
    context?.logger.debug({ err: error }, 'the stream of a response broke off');
    return undefined;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    stream.controller.abort();
  }
}

/** Nobody will want this response: it need not be written to its end. */
async function giveUp(job: TextJob, id: string | undefined, error: ConnectorError): Promise<never> {
  if (id !== undefined) {
    await cancelResponse(job.api, id, job.paid.key).catch((cause: unknown) =>
      job.context?.logger.warn({ err: cause, service_job_id: id }, 'the response could not be cancelled'),
    );
  }
  throw error;
}

/** Takes the stream up again. @returns undefined when it cannot be had; the response can still be asked for */
async function reopen(job: TextJob, id: string, after: number | undefined): Promise<Events | undefined> {
  const { api, paid, signal } = job;
  try {
    const query = { stream: true as const, ...(after === undefined ? {} : { starting_after: after }) };
    const { value } = await api.call((client) => client.responses.retrieve(id, query), {
      signal,
      key: paid.key,
    });
    return value;
  } catch (error) {
    signal?.throwIfAborted();
    job.context?.logger.debug({ err: error, service_job_id: id }, 'the response cannot be streamed');
    return undefined;
  }
}

async function retrieve(job: TextJob, id: string): Promise<Response> {
  const { api, paid, signal } = job;
  const { value } = await api.read((client) => client.responses.retrieve(id), {
    signal,
    key: paid.key,
  });
  return value;
}

/** Asks until there is an answer at all. */
function askOften(job: TextJob, id: string): Promise<Response> {
  return askUntil(job, id, () => true);
}

function pollToEnd(job: TextJob, id: string): Promise<Response> {
  job.writing.say('running in the background');
  return askUntil(job, id, isOver);
}

function askUntil(job: TextJob, id: string, enough: (response: Response) => boolean, deadline?: number) {
  const interval = job.api.settings.poll_seconds * 1_000;
  return poll({
    what: `The response ${id}`,
    ask: async () => {
      const response = await retrieve(job, id).catch((error: unknown) => gone(job, id, error));
      return enough(response) ? { value: response } : undefined;
    },
    interval_ms: interval,
    max_interval_ms: interval * 5,
    deadline_ms: deadline,
    signal: job.signal,
  });
}

function gone(job: TextJob, id: string, error: unknown): Promise<never> {
  if (!(error instanceof ConnectorError) || error.code !== 'not_found') throw error;
  return job.paid.failed(error, forgotten(id));
}

function forgotten(id: string): string {
  return `its response ${id} is not known there any more; results are kept for about ten minutes`;
}

/** A plain response: it lives as long as its connection, but the server may have finished and kept it. */
async function atOnce(job: TextJob): Promise<TextAnswer> {
  const { context, paid, signal, stream, wish, writing, api } = job;
  const body = responsesBody(wish);
  if (!stream) {
    const { value, exchange } = await paid.send((client) => client.responses.create(body), { signal });
    return finish(job, value, false, exchange.headers['x-request-id']);
  }
  const kept = wish.store !== false;
  const events = new ResponseEvents(writing, async (id) => {
    if (kept) await context?.trackServiceJob(id, api.settings.host);
  });
  const { value, exchange } = await paid.send((client) => client.responses.create({ ...body, stream: true }), {
    signal,
  });
  let over: Response | undefined;
  try {
    over = await events.read(value);
    // An aborted stream of the SDK ends without a word.
    signal?.throwIfAborted();
    if (!over) throw brokenOff();
  } catch (error) {
    signal?.throwIfAborted();
    const ended = error instanceof APIError && !(error instanceof APIConnectionError);
    if (events.id !== undefined && kept && !ended) return lookBack(job, events.id, error);
    return paid.failed(error, `the stream broke off after ${writing.tokens} tokens`, ended);
  }
  return finish(job, over, false, exchange.headers['x-request-id']);
}

/** Looks whether a plain response was finished after all. */
async function lookBack(job: TextJob, id: string, cause: unknown): Promise<TextAnswer> {
  const { paid, signal, writing } = job;
  let found: Response | undefined;
  try {
    found = await askUntil(job, id, isOver, LOOK_BACK);
  } catch {
    signal?.throwIfAborted();
  }
  if (found?.status === 'completed' || found?.status === 'failed') return finish(job, found, true);
  return paid.failed(cause, `the stream of ${id} broke off after ${writing.tokens} tokens`);
}

async function finish(job: TextJob, response: Response, reattached: boolean, request_id?: string): Promise<TextAnswer> {
  const { api, paid } = job;
  if (response.status === 'failed') {
    await paid.ended();
    const error = new APIError(
      undefined,
      response.error ?? { message: 'it failed without a reason' },
      undefined,
      undefined,
    );
    throw paid.explain(error);
  }
  if (response.status === 'cancelled') {
    const text = `The response ${response.id} was cancelled at ${api.settings.host}, not by this job`;
    throw new ConnectorError('backend_error', text, { retryable: false });
  }
  return answerOfResponse(response, { reattached, request_id });
}

function brokenOff(): ConnectorError {
  return new ConnectorError('service_unavailable', 'the stream ended before the answer');
}

/** Many servers that speak the protocol know chat completions only. */
function withHint(error: unknown): unknown {
  if (!(error instanceof ConnectorError) || error.code !== 'not_found') return error;
  const { code, message, errors } = error;
  const hint = 'this server may have no responses API: set OPENAI_API=chat on the worker, or "api": "chat" in the job';
  return new ConnectorError(code, `${message} (${hint})`, { cause: error, errors });
}
