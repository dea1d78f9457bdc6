import type { FormPart } from '../../http/multipart.ts';
import { multipartBody } from '../../http/multipart.ts';
import { Readable } from 'node:stream';

/** An answer that says no. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  /** Parsed where it is JSON, else text. */
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    super(`HTTP ${status}`);
    this.status = status;
    this.body = body;
  }
}

export interface PlainRequest {
  method?: 'GET' | 'POST' | 'DELETE';
  /** Behind the base URL. */
  path: string;
  /** Sent as JSON. */
  json?: unknown;
  form?: readonly FormPart[];
  headers?: Readonly<Record<string, string>>;
}

/** What an SDK would be for an API of a few JSON requests: one request for each call, and never a second one. */
export class PlainClient {
  readonly #fetch: typeof globalThis.fetch;
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param headers of every request, the credentials among them */
  constructor(fetch: typeof globalThis.fetch, base: string, headers: Readonly<Record<string, string>>) {
    this.#fetch = fetch;
    this.#base = base.replace(/\/+$/, '');
    this.#headers = headers;
  }

  /** @throws Refusal for a status of 400 and above, SyntaxError for an answer that is not JSON, what `fetch` throws */
  async send<T>({ method = 'GET', path, json, form, headers }: PlainRequest): Promise<T> {
    const content = form ? multipartBody(form) : undefined;
    const response = await this.#fetch(`${this.#base}/${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...content?.headers,
        ...this.#headers,
        ...headers,
      },
      body: content
        ? (Readable.toWeb(content.body()) as ReadableStream)
        : json === undefined
          ? null
          : JSON.stringify(json),
    });
    const text = await response.text();
    if (response.status >= 400) throw new Refusal(response.status, parsed(text));
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
