import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { Config } from '../config/settings.ts';

/** The port `temporal server start-dev` uses unless told otherwise. */
const DEFAULT_ADDRESS = '127.0.0.1:7233';

type ConnectionSettings = Pick<Config, 'temporalAddress' | 'temporalApiKey' | 'temporalTls'>;

function options(config: ConnectionSettings) {
  return {
    address: config.temporalAddress ?? DEFAULT_ADDRESS,
    ...(config.temporalApiKey ? { apiKey: config.temporalApiKey } : {}),
    tls: config.temporalTls || config.temporalApiKey !== undefined,
  };
}

/**
 * For processes that only talk to Temporal. Connects at the first call, so that a process starts (and says that it is
 * not ready) while Temporal is away.
 */
export function lazyConnection(config: ConnectionSettings): Connection {
  return Connection.lazy(options(config));
}

/** For processes that run workers; a client on the same connection starts workflows eagerly. */
export function nativeConnection(config: ConnectionSettings): Promise<NativeConnection> {
  return NativeConnection.connect(options(config));
}

export function createClient(connection: Connection | NativeConnection, namespace: string): Client {
  return new Client({ connection, namespace });
}
