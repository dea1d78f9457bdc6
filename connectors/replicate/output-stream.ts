import type { Writing } from '../base/hosted/writing.ts';
import type { RemoteJob } from '../base/hosted/remote-job.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobContext } from '../contract/job-context.ts';
import { readSse } from '../http/sse-stream.ts';
import type { Prediction } from './documents.ts';
import type { ReplicateApi } from './replicate-api.ts';

/** After so much silence the prediction is asked how it is: it may have failed before its first word. Milliseconds. */
const SILENCE = 15_000;
/** Broken streams that are taken up again; then only asking is left. */
const MAX_BREAKS = 5;
/** Some models stream pictures; those come with the output. */
const FILE = /^(?:data:|https:\/\/\S+$)/;

/** Tokens of a prediction as they come. What the result needs comes with the prediction itself. */
export class OutputStream {
  readonly #api: ReplicateApi;
  readonly #context: JobContext;
  readonly #writing: Writing;
  #breaks = 0;
  #over = false;

  constructor(api: ReplicateApi, context: JobContext, writing: Writing) {
    this.#api = api;
    this.#context = context;
    this.#writing = writing;
  }

  /**
   * Reads until the stream ends, breaks or falls silent; does nothing where there is none.
   * @throws ConnectorError `output_too_large`; the signal's reason on abort
   */
  async follow({ raw }: RemoteJob<Prediction>): Promise<void> {
    const url = raw.urls?.stream;
    if (!url || this.#over) return;
    const { signal, logger } = this.#context;
    try {
      await this.#read(url, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ConnectorError && error.code === 'output_too_large') throw error;
      const silent = error instanceof ConnectorError && error.code === 'timeout';
      if (!silent) this.#breaks += 1;
      this.#over = this.#breaks > MAX_BREAKS;
      logger.debug({ err: error, prediction: raw.id }, 'the stream of a prediction broke off');
    }
  }

  async #read(url: string, signal: AbortSignal): Promise<void> {
    const response = await this.#api.open(url, {
      headers: { accept: 'text/event-stream', 'cache-control': 'no-store' },
      idle_timeout_ms: SILENCE,
      max_response_bytes: Infinity,
      signal,
    });
    // It begins again from its start.
    this.#writing.restart();
    for await (const { event, data } of readSse(response.stream, { where: 'the stream of the prediction' })) {
      if (event === 'output' && !FILE.test(data)) this.#writing.add(data);
      if (event !== 'done' && event !== 'error') continue;
      // Why it ended, the prediction says.
      this.#over = true;
      return;
    }
    this.#breaks += 1;
  }
}
