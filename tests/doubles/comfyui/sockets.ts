import type { WebSocket } from 'ws';

interface Client {
  socket: WebSocket;
  /** Asked for previews with metadata, as its first message. */
  metadata: boolean;
}

/**
 * The server's table of sockets by client id, with its defect: when a second socket opens under the id of one that is
 * still there, the closing of the first takes the second out of the table, which then stays open and hears nothing.
 */
export class Sockets {
  readonly #table = new Map<string, Client>();
  readonly #open = new Set<WebSocket>();
  /** Sockets stay open, but nothing is sent any more, nor is a ping answered. */
  muted = false;
  /** Messages sent, for tests that look at the wire. */
  opened = 0;

  add(id: string, socket: WebSocket, hello: () => void): void {
    this.opened += 1;
    this.#open.add(socket);
    this.#table.set(id, { socket, metadata: false });
    let first = true;
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      try {
        const message = JSON.parse((data as Buffer).toString('utf8')) as {
          type?: string;
          data?: { supports_preview_metadata?: boolean };
        };
        if (first && message.type === 'feature_flags') {
          const client = this.#table.get(id);
          if (client) client.metadata = message.data?.supports_preview_metadata ?? false;
          this.send('feature_flags', { supports_preview_metadata: true, max_upload_size: 104_857_600 }, id);
        }
      } catch {
        // The real server logs it and goes on.
      }
      first = false;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#open.delete(socket);
      this.#table.delete(id);
    });
    hello();
  }

  /** To one client, or to everybody. */
  send(type: string, data: Record<string, unknown>, id?: string): void {
    if (this.muted) return;
    const frame = JSON.stringify({ type, data });
    const to = id === undefined ? [...this.#table.values()] : [this.#table.get(id)];
    for (const client of to) client?.socket.send(frame);
  }

  /** A picture: with its node when that was negotiated, else without. */
  sendPicture(picture: Buffer, format: 'jpeg' | 'png', metadata: Record<string, unknown>, id?: string): void {
    if (this.muted) return;
    const to = id === undefined ? [...this.#table.values()] : [this.#table.get(id)];
    for (const client of to)
      client?.socket.send(client.metadata ? type4(picture, format, metadata) : type1(picture, format));
  }

  /** Text of a node (binary type 3). */
  sendText(node: string, text: string, id?: string): void {
    const name = Buffer.from(node);
    const frame = Buffer.concat([uint32(3), uint32(name.length), name, Buffer.from(text)]);
    if (!this.muted && id !== undefined) this.#table.get(id)?.socket.send(frame);
  }

  /** As when a network breaks: no closing handshake. */
  drop(): void {
    for (const socket of this.#open) socket.terminate();
  }

  get count(): number {
    return this.#open.size;
  }
}

function type1(picture: Buffer, format: 'jpeg' | 'png'): Buffer {
  return Buffer.concat([uint32(1), uint32(format === 'jpeg' ? 1 : 2), picture]);
}

function type4(picture: Buffer, format: 'jpeg' | 'png', metadata: Record<string, unknown>): Buffer {
  const json = Buffer.from(JSON.stringify({ ...metadata, image_type: `image/${format}` }));
  return Buffer.concat([uint32(4), uint32(json.length), json, picture]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
