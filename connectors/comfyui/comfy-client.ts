import type { InputFile } from '../contract/job-context.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { HttpResponse } from '../http/http-response.ts';
import { multipartBody } from '../http/multipart.ts';
import {
  asRecord,
  type FileEntry,
  type HistoryEntry,
  type PromptRefusal,
  type Queue,
  readHistory,
  readQueue,
  readRefusal,
  textOf,
} from './documents.ts';

export interface PromptRequest {
  prompt: unknown;
  prompt_id: string;
  client_id: string;
  extra_data: Record<string, unknown>;
}

/** The routes of ComfyUI's classic HTTP surface that a job runner needs. */
export class ComfyClient {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  get baseUrl(): string {
    return this.#http.base_url;
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async systemStats(): Promise<Record<string, unknown>> {
    return asRecord(await this.#get('/system_stats'));
  }

  async queue(signal?: AbortSignal): Promise<Queue> {
    return readQueue(await this.#get('/queue', signal));
  }

  /** Undefined while it is unknown or unfinished. */
  async history(promptId: string, signal?: AbortSignal): Promise<HistoryEntry | undefined> {
    return readHistory(await this.#get(`/history/${encodeURIComponent(promptId)}`, signal), promptId);
  }

  /**
   * Puts a prompt into the queue. Never repeated here: the server takes the same id twice and runs both.
   * @returns the id it was taken under, and what was wrong with outputs that the server dropped while taking the rest
   */
  async submit(request: PromptRequest): Promise<PromptRefusal & { promptId: string }> {
    const response = await this.#http.request({ method: 'POST', path: '/prompt', json: request, idempotent: false });
    const answer = await response.json();
    return { ...readRefusal(answer), promptId: textOf(asRecord(answer)['prompt_id']) ?? '' };
  }

  /** Takes prompts out of the queue; those that run already, or are unknown, are passed over without a word. */
  async deletePending(promptId: string): Promise<void> {
    await this.#post('/queue', { delete: [promptId] });
  }

  /** Interrupts this prompt if it is the one that runs. Nothing is ever sent without an id: that would hit anybody. */
  async interrupt(promptId: string): Promise<void> {
    await this.#post('/interrupt', { prompt_id: promptId });
  }

  /** Acted on after the current prompt. `free_memory` also drops the cache of node outputs. */
  async free(what: { unload_models: boolean; free_memory: boolean }): Promise<void> {
    await this.#post('/free', what);
  }

  /** The definition of one node class; undefined when it is not installed. */
  async objectInfo(className: string): Promise<unknown> {
    // A slash in a class name would name another route.
    const body = await this.#get(`/object_info/${encodeURIComponent(className)}`);
    return asRecord(body)[className];
  }

  async modelFolders(): Promise<string[]> {
    return strings(await this.#get('/models'));
  }

  async modelsIn(folder: string): Promise<string[]> {
    return strings(await this.#get(`/models/${encodeURIComponent(folder)}`));
  }

  /**
   * Puts a file into the input folder. The server keeps one copy of the same name and bytes, and picks another name
   * where the bytes differ.
   * @returns where it lies, to be written into the graph
   */
  async upload(file: InputFile, name: string, subfolder: string, signal: AbortSignal): Promise<FileEntry> {
    const { path, mime, bytes } = file;
    const response = await this.#http.request({
      method: 'POST',
      path: '/upload/image',
      ...multipartBody([
        { name: 'type', value: 'input' },
        { name: 'subfolder', value: subfolder },
        { name: 'image', file: { path, name, mime, bytes } },
      ]),
      // Sent twice it is the same file.
      idempotent: true,
      timeout_ms: UPLOAD_TIMEOUT,
      signal,
    });
    const answer = asRecord(await response.json());
    return { filename: textOf(answer['name']) ?? name, subfolder: textOf(answer['subfolder']) ?? '', type: 'input' };
  }

  /** The bytes of a file. The answer's stream must be read or destroyed. */
  view(file: FileEntry, signal: AbortSignal): Promise<HttpResponse> {
    const { filename, subfolder, type } = file;
    return this.#http.request({
      path: '/view',
      query: { filename, subfolder, type },
      signal,
      max_response_bytes: Number.POSITIVE_INFINITY,
    });
  }

  async #get(path: string, signal?: AbortSignal): Promise<unknown> {
    return (await this.#http.request({ path, signal })).json();
  }

  async #post(path: string, json: unknown): Promise<void> {
    // All of these may be said twice.
    await (await this.#http.request({ method: 'POST', path, json, idempotent: true })).text();
  }
}

/** A large video over a slow line. Milliseconds. */
const UPLOAD_TIMEOUT = 600_000;

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];
}
