import { prepareDataDir } from '../platform/config/data-dir.ts';
import { unretriedConnection } from '../platform/temporal/connection.ts';
import { isEntryPoint } from './process/identity.ts';
import { announceReady, runMain, untilAskedToStop } from './process/lifecycle.ts';
import { loadProcess } from './process/load-process.ts';
import { startApi } from './process/start-api.ts';

/**
 * The API as a process of its own. It starts, and says that it is not ready, while Temporal is away.
 * @returns the exit code once it has been asked to stop
 */
export async function runApiProcess(): Promise<number> {
  const stop = untilAskedToStop();
  const base = await loadProcess('api', process.env);
  prepareDataDir(base.config.dataDir);
  const connection = unretriedConnection(base.config);
  const api = await startApi(base, connection, false);
  announceReady({ url: api.url });
  base.logger.info({ why: await stop }, 'API leaving');
  await api.close();
  await connection.close();
  return 0;
}

if (isEntryPoint(import.meta.url)) await runMain(runApiProcess);
