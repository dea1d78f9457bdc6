import type { Client, Connection } from '@temporalio/client';
import type { Config } from '../../platform/config/settings.ts';
import { PresenceCache } from '../../platform/presence/presence-cache.ts';
import { createClient, lazyConnection } from '../../platform/temporal/connection.ts';
import { quietLogger } from '../quiet-logger.ts';
import type { StackState } from '../stack/find-stack.ts';

/** Longest wait for one answer of Temporal. Milliseconds. */
export const ANSWER_MS = 5_000;

/** Temporal, for the commands that work without the API. */
export interface OpenTemporal {
  /** host:port */
  address: string;
  client: Client;
  connection: Connection;
  presence: PresenceCache;
  close(): Promise<void>;
}

/**
 * The Temporal of the configuration, else that of the stack which runs on this machine; undefined when there is none.
 * Connects at the first call.
 */
export function openTemporal(config: Config, stack: StackState | undefined): OpenTemporal | undefined {
  const address = config.temporalAddress ?? stack?.temporal_address;
  if (address === undefined) return undefined;
  // The stack's own Temporal speaks plain text, whatever is configured for a cluster.
  const embedded = config.temporalAddress === undefined;
  const connection = lazyConnection({
    temporalAddress: address,
    temporalApiKey: embedded ? undefined : config.temporalApiKey,
    temporalTls: embedded ? false : config.temporalTls,
  });
  const namespace = embedded ? (stack?.namespace ?? config.temporalNamespace) : config.temporalNamespace;
  return {
    address,
    connection,
    client: createClient(connection, namespace),
    presence: new PresenceCache({
      workflowService: connection.workflowService,
      namespace,
      logger: quietLogger(),
      staleMs: Math.max(8_000, config.workerHeartbeat * 4),
    }),
    close: () => connection.close(),
  };
}
