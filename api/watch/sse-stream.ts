import type { ServerResponse } from 'node:http';
import type { JobEvent } from '../../contract/job-events.ts';
import type { MachineEvent } from '../../contract/machine-view.ts';
import type { LiveEvent } from '../../contract/live-events.ts';
import type { CloseReason, LiveEventSink } from './event-sink.ts';
import { LiveBudget } from './live-budget.ts';

/** Shorter than the patience of common proxies. Milliseconds. */
const KEEP_ALIVE_MS = 15_000;
/** How soon a browser connects again after a cut. Milliseconds. */
const RETRY_MS = 2_000;
/** How long a client may take to fetch the last bytes. Milliseconds. */
const LAST_BYTES_MS = 10_000;

/**
 * Server-sent events on one response (https://html.spec.whatwg.org/multipage/server-sent-events.html). The answer begins
 * with the first event: until then it can still become a problem document.
 */
export class SseStream implements LiveEventSink {
  readonly budget = new LiveBudget();
  readonly #res: ServerResponse;
  readonly #keepAliveMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param keepAliveMs how often a silent connection says that it is alive */
  constructor(res: ServerResponse, keepAliveMs = KEEP_ALIVE_MS) {
    this.#res = res;
    this.#keepAliveMs = keepAliveMs;
  }

  send(event: JobEvent | MachineEvent): void {
    if (!this.#res.writable) return;
    if (!this.#res.headersSent) this.#begin();
    this.#res.write(record(event));
  }

  /** A picture goes inside, as a data URL. */
  sendLive(event: LiveEvent, picture?: Buffer): void {
    if (!this.#res.writable || !this.#res.headersSent) return;
    const text = record(picture && event.type === 'preview' ? withDataUrl(event, picture) : event);
    this.#res.write(text, this.budget.hold(Buffer.byteLength(text)));
  }

  backlog(): number {
    return Math.max(0, this.#res.writableLength - this.budget.bytes);
  }

  close(reason: CloseReason): void {
    clearInterval(this.#timer);
    if (reason === 'slow') {
      this.#res.destroy();
      return;
    }
    this.#res.end();
    const timer = setTimeout(() => this.#res.destroy(), LAST_BYTES_MS);
    timer.unref();
    this.#res.once('close', () => clearTimeout(timer));
  }

  #begin(): void {
    this.#res.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      // Proxies of the nginx family hold answers back otherwise.
      'X-Accel-Buffering': 'no',
    });
    // Without the delay of small packets: an event is worth more now than together with the next one.
    this.#res.socket?.setNoDelay(true);
    this.#res.write(`retry: ${RETRY_MS}\n\n`);
    this.#timer = setInterval(() => {
      if (this.#res.writable && this.#res.writableLength === 0) this.#res.write(': keep-alive\n\n');
    }, this.#keepAliveMs);
    this.#timer.unref();
    this.#res.once('close', () => clearInterval(this.#timer));
  }
}

/** JSON has no raw line breaks, so one data line is enough. */
function record(event: JobEvent | LiveEvent | MachineEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** A preview that carries its picture. */
export function withDataUrl(event: LiveEvent & { type: 'preview' }, picture: Buffer): LiveEvent {
  return { ...event, data_url: `data:${event.mime};base64,${picture.toString('base64')}` };
}
