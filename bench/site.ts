import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { freePort } from '../platform/processes/free-port.ts';
import { findTemporalBinary } from '../platform/temporal/binary/find-binary.ts';
import { startDevServer } from '../platform/temporal/dev-server.ts';
import { startChild, type Child } from './child.ts';

/** Everything one benchmark run needs: one Temporal server, our processes and the bare peer's, side by side on it. */
export interface Site {
  address: string;
  client: Client;
  api: string;
  env: NodeJS.ProcessEnv;
  dataDir: string;
  stop(): Promise<void>;
}

export async function openSite(): Promise<Site> {
  const dataDir = await mkdtemp(join(tmpdir(), 'switchyard-bench-'));
  const { path: binary } = await findTemporalBinary({ env: process.env });
  const temporal = await startDevServer({ binary, port: await freePort(), dbFile: join(dataDir, 'temporal.db') });
  const env = {
    TEMPORAL_ADDRESS: temporal.address,
    SWITCHYARD_DATA_DIR: dataDir,
    SWITCHYARD_PORT: '0',
    SWITCHYARD_HEALTH_PORT: '0',
    SWITCHYARD_LOG_LEVEL: 'warn',
    SWITCHYARD_SHUTDOWN_GRACE: '1s',
  };
  const children: Child[] = [
    await startChild(new URL('../workers/server-main.js', import.meta.url), [], env),
    await startChild(
      new URL('../workers/pool-main.js', import.meta.url),
      ['--pool', 'fast-lane', '--max-concurrent', '100'],
      env,
    ),
    await startChild(new URL('./bare/worker-main.js', import.meta.url), ['workflow', temporal.address], env),
    await startChild(new URL('./bare/worker-main.js', import.meta.url), ['activity', temporal.address], env),
  ];
  const connection = await Connection.connect({ address: temporal.address });
  return {
    address: temporal.address,
    client: new Client({ connection }),
    api: String(children[0]!.ready['url']),
    env,
    dataDir,
    stop: async () => {
      for (const child of children.reverse()) await child.stop();
      await connection.close();
      await temporal.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
