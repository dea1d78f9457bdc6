import { request } from 'undici';

export interface LogShipperOptions {
  /** Where records are posted: Fluent Bit's `http` input takes any path and makes it the tag. User and password become basic authentication. */
  url: string;
  /** Records kept while the collector is away; the oldest go first. Default 10,000. */
  maxRecords?: number;
  /** Longest time a record waits for company. Milliseconds; 1,000. */
  intervalMs?: number;
  /** Longest wait for one answer. Milliseconds; 5,000. */
  timeoutMs?: number;
}

/** Most records in one request, ... */
const BATCH = 500;
/** ... and most characters: Fluent Bit takes 4 MB. */
const BATCH_LENGTH = 1_000_000;
const MAX_PAUSE = 30_000;

/**
 * Sends log lines to a collector over HTTP, as JSON arrays, in the background. Never waits, never throws, never keeps the
 * process alive: logging must not become a reason for a job to fail. What had to be dropped is said in a record of its
 * own once the collector is back.
 */
export class LogShipper {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #options: Required<Omit<LogShipperOptions, 'url'>>;
  #waiting: string[] = [];
  #dropped = 0;
  #scheduled = false;
  #sending: Promise<boolean> | undefined;
  #failures = 0;

  constructor(options: LogShipperOptions) {
    const url = new URL(options.url);
    this.#headers = { 'content-type': 'application/json' };
    if (url.username) {
      const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      this.#headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
    }
    url.username = url.password = '';
    this.#url = url.href;
    this.#options = {
      maxRecords: options.maxRecords ?? 10_000,
      intervalMs: options.intervalMs ?? 1_000,
      timeoutMs: options.timeoutMs ?? 5_000,
    };
  }

  /** @param line one JSON object */
  write(line: string): void {
    this.#waiting.push(line.trimEnd());
    if (this.#waiting.length > this.#options.maxRecords) {
      this.#waiting.shift();
      this.#dropped += 1;
    }
    if (this.#waiting.length >= BATCH && this.#failures === 0) void this.#send();
    else this.#schedule(this.#options.intervalMs);
  }

  /** Sends what waits, once; resolves when the collector has it or could not be reached. */
  async flush(): Promise<void> {
    for (let sent = true; sent && this.#waiting.length > 0; ) sent = await this.#send();
    await this.#sending;
  }

  #schedule(ms: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => {
      this.#scheduled = false;
      void this.#send();
    }, ms).unref();
  }

  /** @returns whether the collector took it */
  #send(): Promise<boolean> {
    this.#sending ??= this.#post().finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length === 0) return;
      this.#schedule(Math.min(this.#options.intervalMs * 2 ** Math.min(this.#failures, 10), MAX_PAUSE));
    });
    return this.#sending;
  }

  async #post(): Promise<boolean> {
    const batch = this.#waiting.splice(0, this.#batchSize());
    const dropped = this.#dropped;
    const lines = dropped > 0 ? [...batch, droppedRecord(dropped)] : batch;
    try {
      const { statusCode, body } = await request(this.#url, {
        method: 'POST',
        headers: this.#headers,
        body: `[${lines.join(',')}]`,
        signal: AbortSignal.timeout(this.#options.timeoutMs),
      });
      await body.dump();
      // What a collector refuses as it is, it refuses again; the rest comes later.
      if (statusCode >= 500 || statusCode === 429) throw new Error(`answered ${statusCode}`);
      this.#dropped -= dropped;
      if (statusCode >= 400) this.#dropped += batch.length;
      this.#failures = 0;
      return true;
    } catch {
      this.#failures += 1;
      this.#putBack(batch);
      return false;
    }
  }

  #batchSize(): number {
    let length = 0;
    const past = this.#waiting.findIndex((line, index) => (length += line.length) > BATCH_LENGTH && index > 0);
    return Math.min(past < 0 ? BATCH : past, BATCH);
  }

  #putBack(batch: string[]): void {
    const all = [...batch, ...this.#waiting];
    const tooMany = Math.max(0, all.length - this.#options.maxRecords);
    this.#dropped += tooMany;
    this.#waiting = all.slice(tooMany);
  }
}

function droppedRecord(count: number): string {
  return JSON.stringify({
    level: 'warn',
    time: new Date().toISOString(),
    event: 'logs_dropped',
    dropped: count,
    msg: `${count} log records were not delivered`,
  });
}
