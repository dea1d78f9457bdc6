import type { Logger } from '../../platform/logging/logger.ts';
import { backoffMs, pause } from '../http/backoff.ts';
import { openWebSocket, type OpenWebSocket } from '../http/websocket.ts';
import { type PromptEvent, readBinaryFrame, readTextFrame } from './socket-messages.ts';

export interface PromptSocketOptions {
  baseUrl: string;
  headers: Readonly<Record<string, string>>;
  promptId: string;
  /** The one that the prompt is submitted under: events go nowhere else. */
  clientId: string;
  onEvent: (event: PromptEvent) => void;
  /** The socket is there, or gone. */
  onConnected: (connected: boolean) => void;
  logger: Logger;
  signal: AbortSignal;
}

/**
 * Whoever reconnects before the server has finished with the old socket gets one that stays silent; so the first wait
 * is not short. Milliseconds.
 */
const RECONNECT = { firstMs: 500, maxMs: 10_000, growth: 2, jitter: 0.2 };
const CONNECT_TIMEOUT = 10_000;
/** The server never pings; a dead line shows only when we do. Milliseconds. */
const PING = 10_000;
/** Without a single frame for so long the socket is made anew: it may be the silent one. Milliseconds. */
const QUIET = 60_000;
/** SaveImageWebsocket sends whole pictures. Bytes. */
const LARGEST_FRAME = 512 * 1_024 * 1_024;

/**
 * The socket of one prompt, opened again as long as it is wanted. What is sent while it is down is lost for good; the
 * watch over queue and history does not depend on it.
 */
export class PromptSocket {
  readonly #options: PromptSocketOptions;

  constructor(options: PromptSocketOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the first socket is open, or could not be opened: then too the job goes on, without it. Everything
   * after that happens in the background, until the signal ends it.
   */
  async start(): Promise<void> {
    const first = await this.#open();
    void this.#run(first);
  }

  async #run(first: OpenWebSocket | undefined): Promise<void> {
    const { signal, onConnected, logger } = this.#options;
    let socket = first;
    let failures = first ? 0 : 1;
    while (!signal.aborted) {
      if (socket) {
        failures = 0;
        onConnected(true);
        try {
          for await (const message of socket.messages) {
            this.#read(message);
          }
        } catch (error) {
          if (!signal.aborted) logger.debug({ err: error }, 'the socket to ComfyUI is lost');
        }
        onConnected(false);
      }
      failures += 1;
      try {
        await pause(backoffMs(RECONNECT, failures), signal);
      } catch {
        return;
      }
      socket = await this.#open();
    }
  }

  async #open(): Promise<OpenWebSocket | undefined> {
    const { baseUrl, headers, clientId, signal, logger } = this.#options;
    try {
      const socket = await openWebSocket({
        url: `${baseUrl}/ws?clientId=${encodeURIComponent(clientId)}`,
        headers,
        connect_timeout_ms: CONNECT_TIMEOUT,
        ping_interval_ms: PING,
        idle_timeout_ms: QUIET,
        max_message_bytes: LARGEST_FRAME,
        signal,
      });
      // Only honoured as the very first message: previews then say whose they are.
      socket.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }));
      return socket;
    } catch (error) {
      if (!signal.aborted) logger.debug({ err: error }, 'no socket to ComfyUI; progress comes from the queue');
      return undefined;
    }
  }

  #read(message: { text?: string; binary?: Buffer }): void {
    const { promptId, onEvent } = this.#options;
    const event =
      message.text === undefined
        ? readBinaryFrame(message.binary ?? Buffer.alloc(0), promptId)
        : readTextFrame(message.text, promptId);
    if (event) onEvent(event);
  }
}
