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

/**
 * As {@link lazyConnection}, for the API, which retries calls itself: the SDK's retries sleep in timers that outlive
 * the connection, and one that wakes up after its end throws past everybody and ends the process.
 */
export function unretriedConnection(config: ConnectionSettings): Connection {
  return Connection.lazy({ ...options(config), interceptors: [], channelArgs: SOON_BACK });
}

/** gRPC's own limit between two tries to connect is two minutes: an API would stay away that long after an outage. */
const SOON_BACK = { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 1_000 };

/** For processes that run workers; a client on the same connection starts workflows eagerly. */
export function nativeConnection(config: ConnectionSettings): Promise<NativeConnection> {
  return NativeConnection.connect(options(config));
}

export function createClient(connection: Connection | NativeConnection, namespace: string): Client {
  return new Client({ connection, namespace });
}
