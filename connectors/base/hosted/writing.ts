import { ConnectorError } from '../../contract/connector-error.ts';
import type { ProgressCallback } from '../../contract/connector.ts';
import type { LiveSink } from '../../contract/live-sink.ts';

/** Between two progress reports. Milliseconds. */
const REPORT = 100;
/** More than any model writes: a server that never stops must not fill the memory. Characters. */
const LONGEST = 64 * 1_048_576;
/** Without a limit nobody knows the end; after so many tokens progress has come two thirds of the way. */
const TYPICAL = 500;

export interface WritingOptions {
  jobId: string;
  report: ProgressCallback;
  live: LiveSink | undefined;
  /** Most tokens that may come. */
  maxTokens: number | undefined;
}

/** A text that is being written: counts, reports and hands on what comes. */
export class Writing {
  readonly #options: WritingOptions;
  #pieces: string[] = [];
  #length = 0;
  #tokens = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(options: WritingOptions) {
    this.#options = options;
  }

  /** Pieces that came: about one token each. */
  get tokens(): number {
    return this.#tokens;
  }

  get text(): string {
    return this.#pieces.join('');
  }

  /** @throws ConnectorError `output_too_large` for a text without end */
  add(piece: string): void {
    this.#options.live?.token(piece, this.#length);
    this.#pieces.push(piece);
    this.#length += piece.length;
    this.#tokens += 1;
    if (this.#length > LONGEST) {
      throw new ConnectorError('output_too_large', `The text is over the limit of ${LONGEST} characters`);
    }
    const now = performance.now();
    if (now - this.#reportedAt >= REPORT) this.#report(now);
  }

  /** A token that is not for the reader: thoughts, arguments of tools. */
  work(message: string): void {
    this.#tokens += 1;
    const now = performance.now();
    if (now - this.#reportedAt < REPORT) return;
    this.#reportedAt = now;
    this.say(message);
  }

  /** The stream begins again from its start. */
  restart(): void {
    this.#pieces = [];
    this.#length = 0;
    this.#tokens = 0;
  }

  say(message: string): void {
    const { jobId: job_id, report } = this.#options;
    void report({ job_id, progress: this.#progress(), message });
  }

  /**
   * The answer is whole; whoever watches gets what has not come by the stream.
   * @param tokens by the server's own count, if it counts
   */
  done(text: string, tokens: number | undefined): void {
    const known = text.startsWith(this.text) ? this.#length : 0;
    if (known < text.length) this.#options.live?.token(text.slice(known), known);
    this.#tokens = tokens ?? this.#tokens;
    this.#report(performance.now(), 100);
  }

  #report(now: number, progress = this.#progress()): void {
    this.#reportedAt = now;
    const { jobId: job_id, report, maxTokens } = this.#options;
    void report({
      job_id,
      progress,
      message: `${this.#tokens} ${this.#tokens === 1 ? 'token' : 'tokens'}`,
      current_step: this.#tokens,
      total_steps: maxTokens,
    });
  }

  #progress(): number {
    const { maxTokens } = this.#options;
    const share = maxTokens ? this.#tokens / maxTokens : 1 - Math.exp(-this.#tokens / TYPICAL);
    return Math.min(99, Math.round(share * 990) / 10);
  }
}
