import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../logging/logger.ts';
import type { Broker } from './broker.ts';

/** Core NATS, no JetStream: the ends keep what must be kept. */
export async function openNats(url: string, logger: Logger): Promise<Broker> {
  const { protocol, hostname, port, username, password } = new URL(url);
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  const connection = await connect({
    servers: `${hostname}:${port || 4222}`,
    name: 'switchyard live',
    ...(user && pass ? { user, pass } : user ? { token: user } : {}),
    ...(protocol === 'tls:' ? { tls: {} } : {}),
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    // One that came and went quietly is found by pings. Milliseconds.
    pingInterval: 15_000,
  });
  void logStates(connection, logger);
  let flushing: Promise<void> | undefined;
  return {
    get largest() {
      return connection.info?.max_payload ?? 1_048_576;
    },
    async publish(subject, message) {
      connection.publish(subject, message);
      // One round trip for all that was published meanwhile.
      flushing ??= Promise.resolve()
        .then(() => connection.flush())
        .finally(() => {
          flushing = undefined;
        });
      return flushing;
    },
    subscribe(subject, onMessage) {
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (!error) onMessage(Buffer.from(message.data));
        },
      });
      return connection.flush();
    },
    close: () => connection.close(),
  };
}

async function logStates(connection: NatsConnection, logger: Logger): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === 'disconnect' || type === 'reconnect') logger.info({ state: type }, 'live channel: NATS');
  }
}
