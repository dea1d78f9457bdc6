import { ConnectorError } from '../../contract/connector-error.ts';
import type { InputFile } from '../../contract/job-context.ts';
import type { HttpClient } from '../../http/http-client.ts';
import { HttpError } from '../../http/http-error.ts';
import type { HttpResponse } from '../../http/http-response.ts';
import { multipartBody } from '../../http/multipart.ts';
import { asRecord, textOf } from '../documents.ts';
import { readV2Job, type V2Job, type V2Output } from './v2-documents.ts';

/** An id that no job has: whoever answers 404 to it is up, and so is what lies behind it. */
const NOBODY = '00000000-0000-0000-0000-000000000000';
/** A large video over a slow line. Milliseconds. */
const UPLOAD_TIMEOUT = 600_000;

/** The routes of Comfy API v2 that a job runner needs. */
export class V2Client {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  /** @throws HttpError when the server, or the ComfyUI behind it, does not answer, or the credentials are no good */
  async ping(): Promise<void> {
    const response = await this.#http.request({ path: `/api/v2/jobs/${NOBODY}`, ok_statuses: [404] });
    const body = asRecord(await response.json().catch(() => undefined));
    if (response.status === 404 && asRecord(body['error'])['code'] === undefined) {
      throw new ConnectorError(
        'service_unavailable',
        `${this.#http.base_url} does not speak Comfy API v2; start comfy-api-proxy there, or use ComfyUIRemoteConnector`,
      );
    }
  }

  /**
   * Submits a graph. Never repeated here.
   * @param key taken once: any later request with it is refused with `idempotency_key_reuse`
   */
  async submit(workflow: unknown, key: string, extraData: Record<string, string> | undefined): Promise<V2Job> {
    const response = await this.#http.request({
      method: 'POST',
      path: '/api/v2/jobs',
      headers: { 'idempotency-key': key },
      json: { workflow, ...(extraData ? { extra_data: extraData } : {}) },
      idempotent: false,
    });
    return jobIn(await response.json());
  }

  /** Undefined when the server does not know it, or not any more. */
  async job(id: string, signal?: AbortSignal): Promise<V2Job | undefined> {
    const path = `/api/v2/jobs/${encodeURIComponent(id)}`;
    const response = await this.#http.request({ path, signal, ok_statuses: [404] });
    const body = await response.json();
    return response.status === 404 ? undefined : jobIn(body);
  }

  /** The newest jobs; undefined where the server has no list, which v2 does not promise. */
  async recentJobs(signal?: AbortSignal): Promise<V2Job[] | undefined> {
    const request = { path: '/api/v2/jobs', query: { limit: 100 }, signal, ok_statuses: [400, 404, 405, 501] };
    const response = await this.#http.request(request);
    const { jobs } = asRecord(await response.json().catch(() => undefined));
    return Array.isArray(jobs) ? jobs.flatMap((job) => readV2Job(job) ?? []) : undefined;
  }

  /** The graph that a job ran with; undefined when the server does not have it any more. */
  async workflow(id: string, signal?: AbortSignal): Promise<Record<string, unknown> | undefined> {
    const path = `/api/v2/jobs/${encodeURIComponent(id)}/workflow`;
    const response = await this.#http.request({ path, signal, ok_statuses: [404] });
    const { workflow } = asRecord(await response.json());
    return response.status === 404 ? undefined : asRecord(workflow);
  }

  /** May be said again and again. @returns the job as it is then; undefined when it is not there */
  async cancel(id: string): Promise<V2Job | undefined> {
    const path = `/api/v2/jobs/${encodeURIComponent(id)}/cancel`;
    const response = await this.#http.request({ method: 'POST', path, idempotent: true, ok_statuses: [404] });
    const body = await response.json();
    return response.status === 404 ? undefined : jobIn(body);
  }

  /**
   * The live stream of a job. Nothing of it can be asked for again.
   * @returns undefined where there is none to be had: not served, or too many open
   */
  async events(id: string, idleMs: number, signal: AbortSignal): Promise<HttpResponse | undefined> {
    try {
      return await this.#http.request({
        path: `/api/v2/jobs/${encodeURIComponent(id)}/events`,
        headers: { accept: 'text/event-stream' },
        idle_timeout_ms: idleMs,
        max_response_bytes: Number.POSITIVE_INFINITY,
        signal,
      });
    } catch (error) {
      if (error instanceof HttpError && error.delivery === 'answered') return undefined;
      throw error;
    }
  }

  /** @returns the asset's id, to be put into a graph */
  async upload(file: InputFile, name: string, signal: AbortSignal): Promise<string> {
    const { path, mime, bytes } = file;
    const form = multipartBody([
      { name: 'content_type', value: mime },
      { name: 'file_path', value: name },
      { name: 'file', file: { path, name, mime, bytes } },
    ]);
    const request = { method: 'POST', path: '/api/v2/assets', ...form, timeout_ms: UPLOAD_TIMEOUT, signal };
    // Sent twice it is the same asset: the server knows it by its content.
    const response = await this.#http.request({ ...request, idempotent: true });
    const id = textOf(asRecord(await response.json())['id']);
    if (id === undefined) throw new ConnectorError('backend_error', 'The server took a file and gave it no id');
    return id;
  }

  /** The bytes of an output. The answer's stream must be read or destroyed. */
  content(output: V2Output, signal: AbortSignal): Promise<HttpResponse> {
    const path = new URL(output.url, this.#http.base_url).href;
    return this.#http.request({ path, signal, max_response_bytes: Number.POSITIVE_INFINITY });
  }
}

function jobIn(body: unknown): V2Job {
  const job = readV2Job(body);
  if (job) return job;
  const shown = JSON.stringify(body)?.slice(0, 200);
  throw new ConnectorError('backend_error', `The server answered with something that is no job: ${shown}`);
}
