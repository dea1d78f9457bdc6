import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { settlesWithin } from '../../connectors/base/running-jobs.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { bounded } from '../../platform/jobs/temporal-calls.ts';
import { isReplayed, keepRecord, UNFINISHED } from './replay-unfinished.ts';

export interface ReplayWithinOptions {
  client: Client;
  /** The workflow bundle that is about to take over. */
  bundlePath: string;
  /** Where outcomes are kept, so that the same bundle is not checked at every start. */
  dataDir: string;
  logger: Logger;
}

const ANSWER_MS = 10_000;

/**
 * Replays the unfinished jobs in a process of its own when the workflow code is another than the last time. Waits no longer
 * than this for it and never throws: what is left goes on in the background, beside the orchestrator.
 */
export async function replayWithin(waitMs: number, options: ReplayWithinOptions): Promise<void> {
  const done = replay(options).catch((error: unknown) =>
    options.logger.warn({ err: error }, 'whether unfinished jobs go on could not be looked at'),
  );
  await settlesWithin(done, waitMs);
}

async function replay(options: ReplayWithinOptions): Promise<void> {
  const { client } = options;
  if (await isReplayed(options)) return;
  const { count } = await bounded(client, ANSWER_MS, () => client.workflow.count(UNFINISHED));
  if (count === 0) await keepRecord(options, 0, []);
  else await inProcess();
}

/** It ends by itself, and with this process. */
function inProcess(): Promise<void> {
  const child = fork(fileURLToPath(new URL('../replay-main.js', import.meta.url)));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the process for it ended with ${code}`))));
  });
}
