import { createRequire } from 'node:module';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { silentLogger } from './silent-logger.ts';

/**
 * The bare peer, with the SDK's defaults: `worker-main.js workflow|activity ADDRESS`. Two processes, as ours are.
 */
const [role, address] = process.argv.slice(2);
Runtime.install({ shutdownSignals: ['SIGTERM', 'SIGINT'], logger: silentLogger() });
const connection = await NativeConnection.connect({ address: address ?? '127.0.0.1:7233' });
const worker =
  role === 'workflow'
    ? await Worker.create({
        connection,
        taskQueue: 'bare',
        workflowsPath: createRequire(import.meta.url).resolve('./workflow.js'),
      })
    : await Worker.create({ connection, taskQueue: 'bare', activities: { noop: async () => {} } });
process.send?.({ type: 'ready' });
process.on('disconnect', () => worker.shutdown());
await worker.run();
await connection.close();
// The channel to the parent would keep the process alive.
process.exit(0);
