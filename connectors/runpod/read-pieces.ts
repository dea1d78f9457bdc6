import type { PaidCall } from '../base/hosted/paid-call.ts';
import type { PlainClient } from '../base/hosted/plain-client.ts';
import type { RemoteJob, RemoteProtocol } from '../base/hosted/remote-job.ts';
import type { Writing } from '../base/hosted/writing.ts';
import { pathOf, readRun, type RunDocument } from './documents.ts';
import { pieceText } from './piece-text.ts';

/**
 * Asks for a job together with what its handler has yielded since the last question. The API gives each piece once: that
 * reading has begun is made durable first, so that an attempt that comes later knows its pieces for lost.
 */
export class PieceReader implements RemoteProtocol<PlainClient, RunDocument> {
  readonly pieces: unknown[] = [];
  readonly cancel: RemoteProtocol<PlainClient, RunDocument>['cancel'];
  readonly failure: RemoteProtocol<PlainClient, RunDocument>['failure'];
  readonly #plain: RemoteProtocol<PlainClient, RunDocument>;
  readonly #paid: PaidCall<PlainClient>;
  readonly #writing: Writing;
  /** Whether an earlier attempt has read pieces. */
  readonly #readBefore: boolean;

  constructor(plain: RemoteProtocol<PlainClient, RunDocument>, paid: PaidCall<PlainClient>, writing: Writing) {
    this.#plain = plain;
    this.#paid = paid;
    this.#writing = writing;
    this.#readBefore = paid.wasReading;
    this.cancel = plain.cancel;
    this.failure = plain.failure;
  }

  async ask(client: PlainClient, id: string): Promise<RemoteJob<RunDocument>> {
    const job = await this.#plain.ask(client, id);
    if (job.status !== 'running' && job.status !== 'completed') return job;
    // A handler that collects what it has yielded gives it again, whole.
    if (job.status === 'completed' && isFilled(job.raw.output)) return job;
    await this.#paid.reading();
    for (;;) {
      const said = readRun(await client.send({ path: pathOf('stream', id) }), id);
      for (const { output } of said.raw.stream ?? []) this.#take(output);
      const more = (said.raw.stream ?? []).length > 0;
      if (said.status !== 'completed') return said.status === 'running' ? { ...said, raw: job.raw } : said;
      if (!more) return job.status === 'completed' ? job : this.#plain.ask(client, id);
    }
  }

  /** Why the pieces cannot be had any more. */
  lost({ raw }: RemoteJob<RunDocument>): string | undefined {
    if (!this.#readBefore || isFilled(raw.output)) return undefined;
    return 'an earlier attempt had read a part of what its handler yielded; set return_aggregate_stream in the handler';
  }

  #take(output: unknown): void {
    this.pieces.push(output);
    const text = pieceText(output);
    if (text === undefined) this.#writing.work(`${this.pieces.length} pieces`);
    else this.#writing.add(text);
  }
}

export function isFilled(output: unknown): boolean {
  return output !== undefined && output !== null && !(Array.isArray(output) && output.length === 0);
}
