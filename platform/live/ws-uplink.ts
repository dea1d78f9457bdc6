import { WebSocket } from 'ws';
import type { Logger } from '../logging/logger.ts';
import { bridgeSocket } from './ws-bridge.ts';
import type { LiveEndpoint } from './endpoint.ts';
import type { LiveSide } from './link.ts';

/** Pauses before connecting again: the first, and the longest. Milliseconds. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const HANDSHAKE_MS = 10_000;
/** The other side pings every 15 s; after this silence the connection counts as dead. Milliseconds. */
const SILENCE_MS = 45_000;

export interface Uplink {
  close(): void;
}

/**
 * Keeps a worker connected to an API process: outwards only, again and again, for as long as it lives. What happens here
 * never reaches a job.
 * @param find the API's address; asked for before each try, since it may change; undefined while there is none
 */
export function keepUplink(
  find: () => LiveEndpoint | undefined,
  side: LiveSide,
  logger: Logger,
  firstPauseMs = FIRST_PAUSE_MS,
): Uplink {
  let pause = firstPauseMs;
  let told = false;
  let timer: NodeJS.Timeout | undefined;
  let socket: WebSocket | undefined;
  let closed = false;

  const again = () => {
    if (closed) return;
    // Spread, so that a hundred workers do not come back in the same instant.
    timer = setTimeout(connect, pause * (0.75 + Math.random() / 2));
    timer.unref();
    pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
  };

  const connect = () => {
    const endpoint = find();
    if (!endpoint) return again();
    const headers = endpoint.token === undefined ? {} : { authorization: `Bearer ${endpoint.token}` };
    const mine = new WebSocket(endpoint.url, {
      headers,
      handshakeTimeout: HANDSHAKE_MS,
      perMessageDeflate: false,
    });
    socket = mine;
    let silence: NodeJS.Timeout | undefined;
    mine.once('open', () => {
      pause = firstPauseMs;
      told = false;
      logger.debug({ url: endpoint.url }, 'live channel connected');
      silence = setTimeout(() => mine.terminate(), SILENCE_MS);
      silence.unref();
      mine.on('ping', () => silence?.refresh());
      bridgeSocket(mine, side);
    });
    mine.on('error', (error) => {
      // Once for each absence: a job loses nothing by it.
      if (!told) logger.info({ url: endpoint.url, why: error.message }, 'live channel away; trying again');
      told = true;
    });
    mine.once('close', () => {
      clearTimeout(silence);
      again();
    });
  };

  connect();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.terminate();
    },
  };
}
