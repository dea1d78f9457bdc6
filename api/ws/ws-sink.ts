import type { WebSocket } from 'ws';
import type { JobEvent } from '../../contract/job-events.ts';
import type { CloseReason, EventSink } from '../watch/event-sink.ts';

/** "Try again later" (RFC 6455, registry of close codes): a client that does not read what it is sent. */
const CLOSE_SLOW = 1013;

/** The events of one job on a socket that carries several. */
export class WsSink implements EventSink {
  readonly #socket: WebSocket;
  readonly #onClose: (reason: CloseReason) => void;

  constructor(socket: WebSocket, onClose: (reason: CloseReason) => void) {
    this.#socket = socket;
    this.#onClose = onClose;
  }

  send(event: JobEvent): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(event));
  }

  backlog(): number {
    return this.#socket.bufferedAmount;
  }

  close(reason: CloseReason): void {
    if (reason === 'slow') {
      this.#socket.close(CLOSE_SLOW, 'messages are not read fast enough');
      // What is not read cannot carry the closing handshake either.
      setTimeout(() => this.#socket.terminate(), 5_000).unref();
    }
    this.#onClose(reason);
  }
}
