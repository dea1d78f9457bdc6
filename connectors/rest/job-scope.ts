import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobData } from '../contract/connector.ts';
import type { InputFile, JobContext } from '../contract/job-context.ts';
import type { Scope } from './expression.ts';
import type { RestService } from './service.schema.ts';

/** What the templates of one job refer to. */
export interface JobScope extends Scope {
  job: { id: string; service: string; priority: number; created_at: number; tenant: string; metadata: object };
  /** The same for every try to submit the same work, another one once that work has failed. */
  key: string;
  payload: Record<string, unknown>;
  params: Record<string, unknown>;
  inputs: Record<
    string,
    { name: string; mime: string; bytes: number; sha256: string; base64?: string; data_url?: string }
  >;
}

/**
 * Opens the inputs and puts together what templates see.
 * @throws ConnectorError naming the field whose file cannot be had or is too large
 */
export async function jobScope(
  service: RestService,
  job: JobData,
  context: JobContext | undefined,
): Promise<{ scope: JobScope; files: Map<string, InputFile> }> {
  const files = new Map<string, InputFile>();
  const inputs: JobScope['inputs'] = {};
  for (const { field, as, max_bytes } of service.inputs) {
    const reference: unknown = job.payload[field];
    if (typeof reference !== 'string' || reference === '') continue;
    const pointer = `/payload/${field}`;
    if (!context) throw new ConnectorError('validation', `${pointer}: files need the context of an attempt`);
    const file = await context.openInput(reference, pointer);
    if (file.bytes > max_bytes) {
      const detail = `is ${file.bytes} bytes long, ${service.service} takes ${max_bytes}`;
      throw new ConnectorError('payload_too_large', `${pointer} ${detail}`, { errors: [{ pointer, detail }] });
    }
    const { name, mime, bytes, sha256 } = file;
    inputs[field] = { name, mime, bytes, sha256 };
    if (as === 'file') files.set(field, file);
    else {
      const base64 = (await readFile(file.path)).toString('base64');
      inputs[field][as] = as === 'base64' ? base64 : `data:${mime};base64,${base64}`;
    }
  }
  const scope: JobScope = {
    job: {
      id: job.id,
      service: job.type,
      priority: job.priority,
      created_at: job.created_at,
      tenant: job.tenant ?? '',
      metadata: job.metadata ?? {},
    },
    key: submissionKey(job.id, context?.serviceJobId),
    payload: job.payload,
    params: service.params,
    inputs,
  };
  return { scope, files };
}

/**
 * A submission is known again by this key. It depends on the service job of an earlier attempt: if that one is over and
 * did not help, the next submission is meant to be a new one; if the answer was lost before an id was tracked, it is not.
 * Shaped like a UUID, which every service takes.
 */
function submissionKey(jobId: string, earlier: string | undefined): string {
  const hex = createHash('sha256')
    .update(`${jobId}\n${earlier ?? ''}`)
    .digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
