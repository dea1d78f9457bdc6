import type { Client } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import type { temporal } from '@temporalio/proto';
import type { Job } from '../../contract/job.schema.ts';
import { isPrepared, type PreparedJob } from '../../contract/plan.ts';
import { decodePayloads } from './decode.ts';

/** What a job was started with; never changes. */
export interface JobStart {
  runId: string;
  /** Epoch milliseconds. */
  createdAt: number;
  /** The job document: validated when `prepared` is there, otherwise as somebody wrote it, which may be anything. */
  document: unknown;
  /** Present when the API took the job. */
  prepared?: PreparedJob;
  priority?: number;
}

export async function startOfHistory(
  client: Client,
  event: temporal.api.history.v1.HistoryEvent.$Properties | undefined,
): Promise<JobStart | undefined> {
  const started = event?.workflowExecutionStartedEventAttributes;
  if (!started) return undefined;
  const [document, prepared] = await decodePayloads(client.options.loadedDataConverter, started.input?.payloads);
  return {
    runId: started.originalExecutionRunId ?? '',
    createdAt: optionalTsToMs(event?.eventTime) ?? 0,
    document,
    prepared: isPrepared(prepared) ? prepared : undefined,
    priority: started.priority?.priorityKey || undefined,
  };
}

/** A document's fields without trust: a job started with the `temporal` CLI may have been given anything. */
export function readDocument(document: unknown): Partial<Job> & Record<string, unknown> {
  return typeof document === 'object' && document !== null && !Array.isArray(document)
    ? (document as Partial<Job> & Record<string, unknown>)
    : {};
}
