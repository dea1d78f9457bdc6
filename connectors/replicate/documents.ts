import type { RemoteJob } from '../base/hosted/remote-job.ts';
import { ConnectorError } from '../contract/connector-error.ts';

/** A prediction, as far as it is read here. */
export interface Prediction {
  id: string;
  status: string;
  model?: string;
  version?: string;
  output?: unknown;
  error?: unknown;
  logs?: string | null;
  metrics?: Record<string, unknown> | null;
  urls?: { stream?: string; web?: string };
  data_removed?: boolean;
  /** When the prediction is to end by itself. */
  deadline?: string | null;
  completed_at?: string | null;
}

/** A model, or a version of one. */
export interface ModelDocument {
  is_official?: boolean;
  latest_version?: VersionDocument | null;
}

export interface VersionDocument {
  id: string;
  openapi_schema?: { components?: { schemas?: Record<string, unknown> } } | null;
}

export interface DeploymentDocument {
  current_release?: { model?: string; version?: string } | null;
}

const STATUSES: Readonly<Record<string, RemoteJob<Prediction>['status']>> = {
  starting: 'pending',
  processing: 'running',
  succeeded: 'completed',
  failed: 'failed',
  // One "l"; by a cancel, or at the deadline.
  canceled: 'cancelled',
  // At the deadline, before it had begun.
  aborted: 'cancelled',
};

/** @throws ConnectorError `backend_error` for what is no prediction */
export function readPrediction(value: unknown): RemoteJob<Prediction> {
  const raw = (value ?? {}) as Partial<Prediction>;
  const status = STATUSES[String(raw.status)];
  if (typeof raw.id === 'string' && raw.id !== '' && status) return { id: raw.id, status, raw: raw as Prediction };
  const shown = (JSON.stringify(value) ?? 'nothing').slice(0, 300);
  throw new ConnectorError('backend_error', `The answer is no prediction with a known status: ${shown}`);
}
