import { asRecord, textOf } from '../documents.ts';

/**
 * Documents of Comfy API v2 (`openapi-v2.yaml` of Comfy-Org/docs; seen on comfy-api-proxy 0.1.6). Within v2 only
 * additions are promised, so unknown fields are passed over.
 */
export interface V2Job {
  id: string;
  status: 'queued' | 'running' | 'succeeded' | 'canceling' | 'canceled' | 'failed' | 'expired';
  queuePosition?: number;
  progress?: V2Progress;
  outputs: V2Output[];
  error?: { code?: string; message?: string; node_id?: string; class_type?: string };
  /** To be resolved against the origin, never against the base URL. */
  urls: { self?: string; events?: string; cancel?: string };
}

export interface V2Progress {
  /** 0–1; self-hosted servers let it fall between nodes. */
  value: number;
  node?: string;
  nodeClass?: string;
  step?: number;
  steps?: number;
}

export interface V2Output {
  node_id: string;
  name: string;
  type: string;
  content_type?: string;
  url: string;
}

const ENDED = new Set(['succeeded', 'canceled', 'failed', 'expired']);

export function hasEnded(status: string): boolean {
  return ENDED.has(status);
}

/** @returns undefined when it is no job */
export function readV2Job(body: unknown): V2Job | undefined {
  const job = asRecord(body);
  const id = textOf(job['id']);
  const status = textOf(job['status']);
  if (id === undefined || status === undefined || !Array.isArray(job['outputs'])) return undefined;
  const urls = asRecord(job['urls']);
  return {
    id,
    status: status as V2Job['status'],
    queuePosition: numberOf(job['queue_position']),
    progress: readV2Progress(job['progress']),
    outputs: job['outputs'].map(asRecord).flatMap((output) => {
      const { node_id, name, type, content_type, url } = output;
      if (typeof url !== 'string' || typeof name !== 'string') return [];
      return [
        { node_id: textOf(node_id) ?? '', name, type: textOf(type) ?? 'file', content_type: textOf(content_type), url },
      ];
    }),
    error: job['error'] == null ? undefined : asRecord(job['error']),
    urls: { self: textOf(urls['self']), events: textOf(urls['events']), cancel: textOf(urls['cancel']) },
  };
}

export function readV2Progress(body: unknown): V2Progress | undefined {
  if (body == null) return undefined;
  const progress = asRecord(body);
  const value = numberOf(progress['value']);
  if (value === undefined) return undefined;
  return {
    value: Math.min(1, Math.max(0, value)),
    node: textOf(progress['current_node']),
    nodeClass: textOf(progress['current_node_class']),
    step: numberOf(progress['step']),
    steps: numberOf(progress['steps']),
  };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
