import type { NativeConnection } from '@temporalio/worker';
import { LivePools } from '../../platform/pools/live-pools.ts';
import { createClient } from '../../platform/temporal/connection.ts';
import type { ProcessBase } from './load-process.ts';

/** The pools as they are now, kept up to date in the background; who gets them stops them. */
export async function startLivePools(
  connection: NativeConnection,
  { config, catalog, logger }: Pick<ProcessBase, 'config' | 'catalog' | 'logger'>,
): Promise<LivePools> {
  const client = createClient(connection, config.temporalNamespace);
  const pools = new LivePools({ client, pools: catalog.pools, logger });
  await pools.start();
  return pools;
}
