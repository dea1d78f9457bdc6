import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { createApiServer } from '../../api/create-api-server.ts';
import type { LivePools } from '../../platform/pools/live-pools.ts';
import type { PresenceCache } from '../../platform/presence/presence-cache.ts';
import { projectRoot } from '../../platform/project-root.ts';
import { createClient } from '../../platform/temporal/connection.ts';
import { startPresence } from './start-presence.ts';
import { startLiveHub } from './start-live.ts';
import type { ProcessBase } from './load-process.ts';

export interface RunningApi {
  url: string;
  close(): Promise<void>;
}

/**
 * Starts the HTTP API of a process.
 * @param eagerStart the process runs an orchestrator on the same connection
 * @param pools of the process, which starts and stops them. Default: the API's own
 * @param given who is there, likewise
 * @throws ConfigError when the port is taken
 */
export async function startApi(
  base: ProcessBase,
  connection: Connection | NativeConnection,
  eagerStart: boolean,
  pools?: LivePools,
  given?: PresenceCache,
): Promise<RunningApi> {
  const { config, logger, catalog, artifacts } = base;
  const client = createClient(connection, config.temporalNamespace);
  const presence = given ?? startPresence(client, base);
  const live = startLiveHub(config, logger);
  const server = createApiServer({
    client,
    config,
    catalog,
    presence,
    pools,
    artifacts,
    logger,
    eagerStart,
    version: version(),
    live,
  });
  const url = await server.listen(config.host, config.port);
  live.announce(url);
  logger.info({ url }, 'API ready');
  return {
    url,
    close: async () => {
      if (!given) presence.stop();
      await live.close();
      await server.close();
    },
  };
}

function version(): string {
  return (JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}
