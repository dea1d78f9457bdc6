import { ConnectorError } from '../contract/connector-error.ts';
import { createHttpClient, type HttpClient } from '../http/http-client.ts';
import { resolveUrl } from '../http/request-url.ts';
import type { Auth } from './auth.schema.ts';

/** What goes along with a request. */
export interface Credentials {
  headers: Record<string, string>;
  query: Record<string, string>;
}

interface Token {
  value: string;
  /** `performance.now()` from which a new one is asked for. */
  staleAt: number;
}

/** A token that is about to end is not used any more. Milliseconds. */
const MARGIN = 30_000;
/** For a token whose answer names no life time. Milliseconds. */
const DEFAULT_LIFE = 300_000;

/** Knows how to say who we are, and keeps OAuth 2 tokens. */
export class Authenticator {
  readonly #auth: Auth;
  readonly #tokenClient: HttpClient | undefined;
  #token: Promise<Token> | undefined;

  /** @param baseUrl what a relative `token_url` lies under */
  constructor(auth: Auth, baseUrl: string, timeoutMs: number) {
    this.#auth = auth;
    if (auth.type !== 'oauth2') return;
    const { origin } = resolveUrl(new URL(baseUrl), auth.token_url);
    this.#tokenClient = createHttpClient({ base_url: origin, timeout_ms: timeoutMs, secrets: [auth.client_secret] });
  }

  /** Values that no message may show. */
  get secrets(): string[] {
    const auth = this.#auth;
    if (auth.type === 'api_key') return [auth.value];
    if (auth.type === 'bearer') return [auth.token];
    if (auth.type === 'basic') return [auth.password, basic(auth.username, auth.password)];
    return auth.type === 'oauth2' ? [auth.client_secret] : [];
  }

  /** @throws HttpError when no token can be had */
  async credentials(baseUrl: string, signal: AbortSignal | undefined): Promise<Credentials> {
    const auth = this.#auth;
    if (auth.type === 'api_key' && auth.in === 'query') return { headers: {}, query: { [auth.name]: auth.value } };
    return { headers: await this.#headers(baseUrl, signal), query: {} };
  }

  /**
   * The service has refused what we said.
   * @returns whether asking once more makes sense: a token may have been withdrawn before its time
   */
  refused(): boolean {
    const renewable = this.#auth.type === 'oauth2' && this.#token !== undefined;
    this.#token = undefined;
    return renewable;
  }

  async close(): Promise<void> {
    await this.#tokenClient?.close();
  }

  async #headers(baseUrl: string, signal: AbortSignal | undefined): Promise<Record<string, string>> {
    const auth = this.#auth;
    if (auth.type === 'api_key') return { [auth.name]: auth.value };
    if (auth.type === 'bearer') return { authorization: `Bearer ${auth.token}` };
    if (auth.type === 'basic') return { authorization: `Basic ${basic(auth.username, auth.password)}` };
    if (auth.type === 'none') return {};
    for (;;) {
      // One request for all who wait; it belongs to none of them, so no signal ends it.
      this.#token ??= this.#fetchToken(auth, baseUrl).catch((error: unknown) => {
        this.#token = undefined;
        throw error;
      });
      const token = await this.#token;
      signal?.throwIfAborted();
      if (performance.now() < token.staleAt) return { authorization: `Bearer ${token.value}` };
      this.#token = undefined;
    }
  }

  async #fetchToken(auth: Extract<Auth, { type: 'oauth2' }>, baseUrl: string): Promise<Token> {
    const { client_id, client_secret, scope, audience } = auth;
    const inBody = auth.credentials_in === 'body';
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (inBody) form.append('client_id', client_id);
    if (inBody) form.append('client_secret', client_secret);
    if (scope) form.append('scope', scope);
    if (audience) form.append('audience', audience);
    const answer = await (this.#tokenClient as HttpClient).request({
      method: 'POST',
      path: resolveUrl(new URL(baseUrl), auth.token_url).href,
      body: form.toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        // RFC 6749 section 2.3.1: encoded as in a form before they are joined.
        ...(inBody
          ? {}
          : { authorization: `Basic ${basic(encodeURIComponent(client_id), encodeURIComponent(client_secret))}` }),
      },
      idempotent: true,
    });
    const { access_token: value, expires_in: seconds } = await answer.json<Record<string, unknown>>();
    if (typeof value !== 'string' || value === '') {
      throw new ConnectorError('authentication', `${auth.token_url} answered without an access_token`);
    }
    const life = Number(seconds) > 0 ? Number(seconds) * 1_000 : DEFAULT_LIFE;
    // A life shorter than the margin still serves one request.
    return { value, staleAt: performance.now() + Math.max(life - MARGIN, life / 2) };
  }
}

function basic(user: string, password: string): string {
  return Buffer.from(`${user}:${password}`).toString('base64');
}
