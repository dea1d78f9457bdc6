import type { RemoteJob } from '../base/hosted/remote-job.ts';
import { ConnectorError } from '../contract/connector-error.ts';

/** What /run, /status, /stream and /cancel answer. */
export interface RunDocument {
  id?: string;
  status?: string;
  /** While it runs: what the handler has said of its progress. */
  output?: unknown;
  error?: unknown;
  /** In the queue. Milliseconds. */
  delayTime?: number;
  /** Milliseconds. */
  executionTime?: number;
  workerId?: string;
  stream?: { output?: unknown }[];
}

export interface HealthDocument {
  jobs?: Partial<Record<'completed' | 'failed' | 'inProgress' | 'inQueue' | 'retried', number>>;
  workers?: Partial<Record<'idle' | 'initializing' | 'ready' | 'running' | 'throttled' | 'unhealthy', number>>;
}

const STATUSES: Readonly<Record<string, RemoteJob<RunDocument>['status']>> = {
  IN_QUEUE: 'pending',
  IN_PROGRESS: 'running',
  RUNNING: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  TIMED_OUT: 'failed',
  CANCELLED: 'cancelled',
};

/**
 * The API's ids belong to endpoints; ours hold both.
 * @returns `<endpoint>/<id>`
 */
function idOf(endpoint: string, id: string): string {
  return `${endpoint}/${id}`;
}

/** Where a job of ours is to be asked for. */
export function pathOf(operation: 'status' | 'stream' | 'cancel', serviceJobId: string): string {
  const [endpoint, id = ''] = serviceJobId.split('/');
  return `${endpoint}/${operation}/${encodeURIComponent(id)}`;
}

/** @throws ConnectorError `backend_error` for what is no job */
export function readRun(value: unknown, serviceJobId: string): RemoteJob<RunDocument> {
  const raw = (value ?? {}) as RunDocument;
  const status = STATUSES[String(raw.status)];
  if (status) return { id: serviceJobId, status, raw };
  throw notAJob(value);
}

/** @throws ConnectorError `backend_error` when the answer to a submission names no job */
export function readSubmitted(value: unknown, endpoint: string): RemoteJob<RunDocument> {
  const { id } = (value ?? {}) as RunDocument;
  if (typeof id !== 'string' || id === '') throw notAJob(value);
  return readRun(value, idOf(endpoint, id));
}

function notAJob(value: unknown): ConnectorError {
  const shown = (JSON.stringify(value) ?? 'nothing').slice(0, 300);
  return new ConnectorError('backend_error', `The answer is no job with a known status: ${shown}`);
}
