import type { WebSocket } from 'ws';
import type { LiveSide } from './link.ts';

/** What may wait unsent on one connection. Bytes. */
const UNSENT = 1_048_576;

/** Joins a socket to a side of the live channel until it closes. */
export function bridgeSocket(socket: WebSocket, side: LiveSide): void {
  let full = false;
  const hasRoom = () => socket.readyState === socket.OPEN && socket.bufferedAmount < UNSENT;
  const link = side.connect({
    send: (message) => {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(message, () => {
        if (!full || !hasRoom()) return;
        full = false;
        link.drained();
      });
    },
    ready: () => {
      full = !hasRoom();
      return !full;
    },
  });
  socket.on('message', (data) => link.receive(data as Buffer));
  socket.once('close', () => link.close());
}
