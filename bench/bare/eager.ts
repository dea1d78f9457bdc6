import { createRequire } from 'node:module';
import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { silentLogger } from './silent-logger.ts';

/** A bare job whose first task comes with the answer to its start, as `npm start` does it for ours. */
export interface EagerBare {
  run(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * The bare workflow's worker and a client on one connection, in this process; the activity runs where the peer's does.
 * What Temporal takes for one job at the least: ours adds HTTP, validation and routing to it.
 */
export async function openEagerBare(address: string): Promise<EagerBare> {
  Runtime.install({ shutdownSignals: [], logger: silentLogger() });
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    taskQueue: 'bare-eager',
    workflowsPath: createRequire(import.meta.url).resolve('./workflow.js'),
  });
  const running = worker.run();
  const client = new Client({ connection });
  let serial = 0;
  return {
    run: () =>
      client.workflow.execute('bare', {
        taskQueue: 'bare-eager',
        workflowId: `bare-eager-${process.pid}-${++serial}`,
        args: ['bare'],
        requestEagerStart: true,
      }),
    close: async () => {
      worker.shutdown();
      await running;
      await connection.close();
    },
  };
}
