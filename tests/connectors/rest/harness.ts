import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { RestAsyncConnector, RestStreamConnector, RestSyncConnector } from '../../../connectors/rest/connector.ts';
import type { JobResult, ProgressUpdate } from '../../../connectors/contract/connector.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { contextFor, jobOf, type TestContext, type TestContextOptions } from '../harness.ts';

const CLASSES = { sync: RestSyncConnector, async: RestAsyncConnector, stream: RestStreamConnector };
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A connector with services from files of a fresh folder; it goes with the test. */
export async function connectorFor<K extends keyof typeof CLASSES>(kind: K, ...services: object[]) {
  const folder = join(temporaryFolder(), 'rest');
  await mkdir(folder);
  for (const [index, service] of services.entries()) {
    await writeFile(join(folder, `${index}.json`), JSON.stringify({ service: 'it', kind, ...service }));
  }
  const connector = new CLASSES[kind]('under-test', { folder, health_check_interval_seconds: 0 });
  cleanups.push(() => connector.cleanup());
  await connector.initialize();
  return connector;
}

export function testContext(options: TestContextOptions = {}): TestContext {
  const context = contextFor(options);
  cleanups.push(() => context.remove());
  return context;
}

/** Runs a job of the service `it`. */
export async function run(
  connector: Awaited<ReturnType<typeof connectorFor>>,
  payload: Record<string, unknown> = {},
  options: { context?: TestContext; service?: string; told?: ProgressUpdate[]; id?: string } = {},
): Promise<JobResult> {
  const job = jobOf(payload, { type: options.service ?? 'it', id: options.id ?? 'job1' });
  return connector.processJob(job, (update) => void options.told?.push(update), options.context ?? testContext());
}

/** The content of an output. */
export async function contentOf(context: TestContext, uri: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const stream = await context.store.read(uri);
  if (!stream) throw new Error(`${uri} is not in the store`);
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
