import { once } from 'node:events';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import type { LiveEvent } from '../../contract/live-events.ts';
import type { JobContext } from '../../connectors/contract/job-context.ts';
import { decodeFrame } from '../../platform/live/frame.ts';
import { LiveHub } from '../../platform/live/live-hub.ts';
import type { LiveSource } from '../../platform/live/live-source.ts';
import { socketUrl } from '../../platform/live/endpoint.ts';
import { keepUplink, type Uplink } from '../../platform/live/ws-uplink.ts';
import type { InProcessStack } from '../harness/in-process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';

export const TOKEN = 'a-token-for-tests-only';

const silent = pino({ level: 'silent' });

/** The API's end of the live channel. */
export function liveApi(): { hub: LiveHub; token: string } {
  return { hub: new LiveHub(), token: TOKEN };
}

/** Connects a worker to whichever API `find` names. */
export function uplinkTo(find: () => string | undefined, source: LiveSource, token: string = TOKEN): Uplink {
  const endpoint = () => {
    const url = find();
    return url === undefined ? undefined : { url: socketUrl(url), token };
  };
  return keepUplink(endpoint, source, silent, 20);
}

/** A job that writes when the test says so; it ends with what it was given. */
export function writer(stack: InProcessStack) {
  const attempts: { context: JobContext; end(result: unknown): void; fail(error: Error): void }[] = [];
  stack.connector.script = (_job, _progress, context) =>
    new Promise((end, fail) => {
      attempts.push({ context, end, fail });
      context.signal.addEventListener('abort', () => fail(context.signal.reason as Error), { once: true });
    });
  return async (attempt = 1) => {
    const { context, end, fail } = await waitUntil(() => attempts[attempt - 1], undefined, 10);
    let position = 0;
    return {
      end,
      fail,
      write(text: string) {
        context.live!.token(text, position);
        position += text.length;
      },
      draw: (picture: Buffer, index: number) => context.live!.preview(picture, 'image/png', index),
    };
  };
}

/** Text put together as a client does it; `.` for each character that it was told it will not get. */
export function textOf(events: readonly { type: string }[]): string {
  let text = '';
  for (const event of events as LiveEvent[]) {
    if (event.type === 'reset') text = '';
    if (event.type === 'dropped') text += '.'.repeat(event.characters);
    if (event.type === 'token') text = text.slice(0, event.position) + event.text;
  }
  return text;
}

/** A WebSocket client that takes pictures as binary frames. */
export class PictureSocket {
  readonly messages: { type: string; [field: string]: unknown }[] = [];
  readonly pictures: { head: Record<string, unknown>; picture: Buffer }[] = [];
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data, isBinary) => {
      if (isBinary) {
        const frame = decodeFrame(data as Buffer)!;
        this.pictures.push({ head: frame.head as Record<string, unknown>, picture: frame.body });
      } else this.messages.push(JSON.parse((data as Buffer).toString()) as { type: string });
    });
  }

  static async open(api: string): Promise<PictureSocket> {
    const socket = new WebSocket(`${api.replace('http', 'ws')}/api/ws`);
    const opened = new PictureSocket(socket);
    await once(socket, 'open');
    return opened;
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }
}
