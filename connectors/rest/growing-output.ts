import { PassThrough } from 'node:stream';
import type { ArtifactRef } from '../../contract/artifact.ts';
import type { JobContext, OutputOptions } from '../contract/job-context.ts';

/** An output that comes in pieces: they go on to the store as they come. */
export class GrowingOutput {
  readonly #context: JobContext;
  readonly #options: OutputOptions;
  readonly #content = new PassThrough();
  #stored: Promise<ArtifactRef> | undefined;

  constructor(context: JobContext, options: OutputOptions) {
    this.#context = context;
    this.#options = options;
    this.#content.on('error', () => {});
  }

  /** Waits while the store is behind. @throws what the store throws */
  async write(chunk: Buffer): Promise<void> {
    if (!this.#stored) {
      this.#stored = this.#context.writeOutput(this.#content, this.#options);
      // A store that gives up must not leave a writer waiting for room.
      this.#stored.catch((error: unknown) => this.#content.destroy(error as Error));
    }
    if (this.#content.destroyed) await this.#stored;
    if (this.#content.write(chunk)) return;
    await this.#room();
    if (this.#content.destroyed) await this.#stored;
  }

  /** @returns undefined when nothing was written */
  async end(): Promise<ArtifactRef | undefined> {
    this.#content.end();
    return this.#stored;
  }

  /** Nothing stays in the store. */
  async giveUp(reason: unknown): Promise<void> {
    this.#content.destroy(reason instanceof Error ? reason : new Error(String(reason)));
    await this.#stored?.catch(() => {});
  }

  #room(): Promise<void> {
    const content = this.#content;
    return new Promise((resolve) => {
      if (content.destroyed) return resolve();
      const done = () => {
        content.off('drain', done).off('close', done);
        resolve();
      };
      content.on('drain', done).on('close', done);
    });
  }
}
