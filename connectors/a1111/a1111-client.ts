import type { HttpClient } from '../http/http-client.ts';
import { HttpError } from '../http/http-error.ts';
import type { HttpResponse } from '../http/http-response.ts';
import {
  asRecord,
  readGlobalProgress,
  readTaskProgress,
  texts,
  type GlobalProgress,
  type TaskProgress,
} from './documents.ts';

const API = '/sdapi/v1';

/** Requests that make pictures. All of them are answered when the pictures are done. */
export type WorkRoute = 'txt2img' | 'img2img' | 'extra-single-image' | 'extra-batch-images';

export interface TaskQuestion {
  /** Number of the last preview that was taken; −1: none. undefined: no preview is wanted. */
  afterPreview?: number;
  signal?: AbortSignal;
}

/** The web UI's HTTP API: one method per route that is used. */
export class A1111Client {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** What runs now, whoever asked for it. Does not wait for the work. */
  async progress(signal?: AbortSignal): Promise<GlobalProgress> {
    const query = { skip_current_image: true };
    return readGlobalProgress(await this.#json({ path: `${API}/progress`, query, signal }));
  }

  /** How a task is. @returns undefined: the server has no such route (`--nowebui`) */
  async task(id: string, { afterPreview, signal }: TaskQuestion = {}): Promise<TaskProgress | undefined> {
    try {
      const json = { id_task: id, id_live_preview: afterPreview ?? -1, live_preview: afterPreview !== undefined };
      // A question, though it is a POST.
      const answer = await this.#json({ method: 'POST', path: '/internal/progress', json, idempotent: true, signal });
      return readTaskProgress(answer);
    } catch (error) {
      if (error instanceof HttpError && (error.status === 404 || error.status === 405)) return undefined;
      throw error;
    }
  }

  /** Ids of the tasks that wait for the one that runs; empty when the server does not say. */
  async pending(signal?: AbortSignal): Promise<string[]> {
    return texts(asRecord(await this.list('/internal/pending-tasks', signal))['tasks']);
  }

  /**
   * Has pictures made, and waits for them. Sent once: nobody can take it back.
   * @throws HttpError
   */
  async work(route: WorkRoute, body: unknown, timeoutMs: number, signal: AbortSignal): Promise<unknown> {
    const path = `${API}/${route}`;
    const response = await this.#http.request({
      method: 'POST',
      path,
      json: body,
      timeout_ms: timeoutMs,
      idle_timeout_ms: timeoutMs,
      signal,
    });
    return response.json();
  }

  /** Stops whatever runs, whoever asked for it: look first whose it is. */
  async interrupt(): Promise<void> {
    await this.#post('interrupt');
  }

  async options(signal?: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    return asRecord(await this.#json({ path: `${API}/options`, signal }));
  }

  async setOptions(options: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#post('options', options);
  }

  /** Looks for new files on the disk. Waits for the work that runs. */
  async refreshCheckpoints(): Promise<void> {
    await this.#post('refresh-checkpoints');
  }

  async unloadCheckpoint(): Promise<void> {
    await this.#post('unload-checkpoint');
  }

  /** Memory in bytes. */
  memory(): Promise<unknown> {
    return this.#json({ path: `${API}/memory` });
  }

  /** A list. @returns undefined: the server has none of this kind (older ones, forks) */
  async list(path: string, signal?: AbortSignal): Promise<unknown> {
    const full = path.startsWith('/') ? path : `${API}/${path}`;
    try {
      return await this.#json({ path: full, signal });
    } catch (error) {
      if (error instanceof HttpError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** A file of the server, as its page shows it. @returns undefined: it is not there, or not for us */
  async file(path: string, signal: AbortSignal): Promise<HttpResponse | undefined> {
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    try {
      return await this.#http.request({
        path: `/file=${encoded}`,
        signal,
        max_response_bytes: Number.POSITIVE_INFINITY,
      });
    } catch (error) {
      if (error instanceof HttpError && [401, 403, 404].includes(error.status ?? 0)) return undefined;
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async #json(request: Parameters<HttpClient['request']>[0]): Promise<unknown> {
    return (await this.#http.request(request)).json();
  }

  async #post(route: string, json?: unknown): Promise<void> {
    // All of these may be said twice.
    await (await this.#http.request({ method: 'POST', path: `${API}/${route}`, json, idempotent: true })).text();
  }
}
