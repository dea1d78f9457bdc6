import { createClient } from '@redis/client';
import type { Logger } from '../logging/logger.ts';
import type { Broker } from './broker.ts';

/** Longest pause before connecting again. Milliseconds. */
const LONGEST_PAUSE_MS = 2_000;

/** Redis' publish and subscribe: nothing is stored there. */
export async function openRedis(url: string, logger: Logger): Promise<Broker> {
  const socket = { reconnectStrategy: (tries: number) => Math.min(LONGEST_PAUSE_MS, 100 * 2 ** Math.min(tries, 6)) };
  const publisher = createClient({ url, socket });
  // A connection that subscribes can do nothing else.
  const subscriber = publisher.duplicate();
  let told = false;
  for (const client of [publisher, subscriber]) {
    client.on('error', (error: Error) => {
      if (!told) logger.info({ why: error.message }, 'live channel: Redis is away; trying again');
      told = true;
    });
    client.on('ready', () => {
      told = false;
    });
  }
  await Promise.all([publisher.connect(), subscriber.connect()]);
  return {
    largest: Number.POSITIVE_INFINITY,
    async publish(subject, message) {
      await publisher.publish(subject, message);
    },
    async subscribe(subject, onMessage) {
      await subscriber.subscribe(subject, (message) => onMessage(message), true);
    },
    async close() {
      publisher.destroy();
      subscriber.destroy();
    },
  };
}
