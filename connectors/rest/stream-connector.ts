import type { ConnectorConfig } from '../contract/connector.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobAnswer } from './answer.ts';
import { truthy } from './error-rules.ts';
import { Expression, type Scope } from './expression.ts';
import { GrowingOutput } from './growing-output.ts';
import { RestConnector, type RestJob, type RestTarget } from './rest-connector.ts';
import { socketEvents, sseEvents, type StreamEvent } from './stream-events.ts';
import { compileTemplate, type Template } from './template.ts';

/** A result must fit the history; longer texts belong into an output. Bytes. */
const MAX_TEXT = 200_000;

const FIELDS = ['delta', 'progress', 'message', 'done', 'error', 'result'] as const;

interface Compiled extends Partial<Record<(typeof FIELDS)[number] | 'chunk', Expression>> {
  send: Template[];
  name: Template | undefined;
}

/** Services that answer in pieces, by server-sent events or over a WebSocket. A cancel hangs up. */
export class RestStreamConnector extends RestConnector<'stream'> {
  protected readonly kind = 'stream' as const;
  readonly #compiled = new WeakMap<RestTarget<'stream'>, Compiled>();

  constructor(connectorId = 'rest-stream', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }

  protected override compile(target: RestTarget<'stream'>): void {
    const { service, stream } = target.runtime.service;
    const where = `${service}.stream`;
    const compiled: Compiled = {
      send: (stream.send ?? []).map((entry, index) => compileTemplate(entry, `${where}.send.${index}`)),
      name: stream.output && compileTemplate(stream.output.name, `${where}.output.name`),
    };
    for (const field of FIELDS) {
      const source = stream[field];
      if (source !== undefined) compiled[field] = new Expression(source, `${where}.${field}`);
    }
    const chunk = stream.output?.chunk;
    if (chunk !== undefined) compiled.chunk = new Expression(chunk, `${where}.output.chunk`);
    this.#compiled.set(target, compiled);
  }

  protected async work(target: RestTarget<'stream'>, job: RestJob): Promise<JobAnswer> {
    const { runtime, answers } = target;
    const compiled = this.#compiled.get(target) as Compiled;
    const request = { ...(await runtime.submit(job.scope, job.files)), signal: job.signal };
    const events =
      runtime.service.stream.transport === 'sse'
        ? sseEvents(runtime, answers, request, job.scope)
        : socketEvents(runtime, compiled.send, request, job.scope);
    const output = await this.#output(target, compiled, job);
    try {
      const { text, last } = await new Reader(target, compiled, job, output).read(events);
      const artifact = await output?.end();
      const result = compiled.result ? await compiled.result.evaluate({ text, last }, job.scope) : { text };
      return { result, artifacts: artifact ? [artifact] : [] };
    } catch (error) {
      await output?.giveUp(error);
      job.signal.throwIfAborted();
      throw error;
    }
  }

  async #output(target: RestTarget<'stream'>, compiled: Compiled, job: RestJob): Promise<GrowingOutput | undefined> {
    if (!compiled.name || !job.context) return undefined;
    const name = await compiled.name(job.scope);
    const given = typeof name === 'string' && name !== '' ? name : 'output';
    return new GrowingOutput(job.context, { name: given, mime: target.runtime.service.stream.output?.mime });
  }
}

/** Reads the events of one job. */
class Reader {
  readonly #target: RestTarget<'stream'>;
  readonly #compiled: Compiled;
  readonly #job: RestJob;
  readonly #output: GrowingOutput | undefined;
  readonly #pieces: string[] = [];
  #bytes = 0;
  /** Characters so far. */
  #position = 0;
  #progress = 0;

  constructor(target: RestTarget<'stream'>, compiled: Compiled, job: RestJob, output: GrowingOutput | undefined) {
    this.#target = target;
    this.#compiled = compiled;
    this.#job = job;
    this.#output = output;
  }

  async read(events: AsyncIterable<StreamEvent>): Promise<{ text: string; last: unknown }> {
    let last: unknown;
    let done = false;
    for await (const event of events) {
      if (event.binary) {
        await this.#output?.write(event.binary);
        continue;
      }
      const { event: name, id, data } = event;
      last = data;
      done = await this.#take({ event: name, id, data });
      if (done) break;
    }
    if (!done && this.#compiled.done) {
      throw new ConnectorError('service_unavailable', 'The stream ended before the service said that it was done');
    }
    return { text: this.#pieces.join(''), last };
  }

  /** @returns whether this was the last one */
  async #take(event: { event: string; id: string | undefined; data: unknown }): Promise<boolean> {
    const { delta, progress, message, done, error, chunk } = this.#compiled;
    const { scope } = this.#job;
    const failure = await error?.evaluate(event, scope);
    if (truthy(failure)) throw await this.#failure(failure, event.data, scope);
    const text = await delta?.text(event, scope);
    if (text) this.#append(text);
    const piece = await chunk?.text(event, scope);
    if (piece) await this.#output?.write(Buffer.from(piece, 'base64'));
    await this.#tell(await progress?.number(event, scope), await message?.text(event, scope));
    return truthy(await done?.evaluate(event, scope));
  }

  #append(text: string): void {
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > MAX_TEXT) {
      const problem = `The text is over the limit of ${MAX_TEXT} bytes; let it go into stream.output`;
      throw new ConnectorError('output_too_large', problem);
    }
    this.#pieces.push(text);
    this.#job.context?.live?.token(text, this.#position);
    this.#position += text.length;
  }

  async #tell(progress: number | undefined, message: string | undefined): Promise<void> {
    if (progress === undefined && message === undefined) return;
    this.#progress = Math.min(99, Math.max(this.#progress, progress ?? 0));
    await this.#job.report(this.#progress, message?.slice(0, 500));
  }

  async #failure(failure: unknown, data: unknown, scope: Scope): Promise<ConnectorError> {
    const known = await this.#target.runtime.errors.find({ status: 200, headers: {}, body: data }, scope);
    const said = typeof failure === 'string' ? failure : JSON.stringify(failure);
    return known ?? new ConnectorError('backend_error', `The service failed: ${said}`.slice(0, 2_000));
  }
}
