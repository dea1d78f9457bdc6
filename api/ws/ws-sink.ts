import type { WebSocket } from 'ws';
import type { JobEvent } from '../../contract/job-events.ts';
import type { LiveEvent } from '../../contract/live-events.ts';
import { encodeFrame } from '../../platform/live/frame.ts';
import type { CloseReason, LiveEventSink } from '../watch/event-sink.ts';
import type { LiveBudget } from '../watch/live-budget.ts';
import { withDataUrl } from '../watch/sse-stream.ts';

/** "Try again later" (RFC 6455, registry of close codes): a client that does not read what it is sent. */
const CLOSE_SLOW = 1013;

export interface WsSinkOptions {
  /** Shared by all jobs of the connection. */
  budget: LiveBudget;
  /** How a preview comes: as a binary frame of its own, or inside the JSON. */
  pictures: 'binary' | 'data_url';
}

/** The events of one job on a socket that carries several. */
export class WsSink implements LiveEventSink {
  readonly budget: LiveBudget;
  readonly #pictures: WsSinkOptions['pictures'];
  readonly #socket: WebSocket;
  readonly #onClose: (reason: CloseReason) => void;

  constructor(socket: WebSocket, options: WsSinkOptions, onClose: (reason: CloseReason) => void) {
    this.#socket = socket;
    this.budget = options.budget;
    this.#pictures = options.pictures;
    this.#onClose = onClose;
  }

  send(event: JobEvent): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(event));
  }

  sendLive(event: LiveEvent, picture?: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const message = this.#encode(event, picture);
    this.#socket.send(message, this.budget.hold(Buffer.byteLength(message)));
  }

  backlog(): number {
    return Math.max(0, this.#socket.bufferedAmount - this.budget.bytes);
  }

  close(reason: CloseReason): void {
    if (reason === 'slow') {
      closeSlow(this.#socket);
    }
    this.#onClose(reason);
  }

  #encode(event: LiveEvent, picture: Buffer | undefined): string | Buffer {
    if (!picture || event.type !== 'preview') return JSON.stringify(event);
    if (this.#pictures === 'binary') return encodeFrame(event, picture);
    return JSON.stringify(withDataUrl(event, picture));
  }
}

/** Gives up a client that does not read what it is sent. */
export function closeSlow(socket: WebSocket): void {
  socket.close(CLOSE_SLOW, 'messages are not read fast enough');
  // What is not read cannot carry the closing handshake either.
  setTimeout(() => socket.terminate(), 5_000).unref();
}
