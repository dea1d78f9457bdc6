import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import type { ErrorCode } from '../../contract/errors.ts';
import { checkLiteralHost, guardedLookup, RefusedAddressError } from './address-guard.ts';
import { InputError } from './input-error.ts';

/** Limits of one download. Milliseconds. */
export interface DownloadTimeouts {
  connectMs: number;
  /** Until the answer's headers are complete. */
  headersMs: number;
  /** Between two pieces of the body. */
  bodyMs: number;
  /** For everything together, redirects included: what ends a server that trickles. */
  totalMs: number;
}

export const DEFAULT_TIMEOUTS: DownloadTimeouts = {
  connectMs: 10_000,
  headersMs: 20_000,
  bodyMs: 30_000,
  totalMs: 600_000,
};

export interface DownloadOptions {
  pointer: string;
  maxBytes: number;
  /** Which IP addresses may be connected to. */
  allowed: (address: string) => boolean;
  timeouts: DownloadTimeouts;
  signal: AbortSignal;
}

export interface DownloadedBody {
  body: Readable;
  /** Last part of the path, for people. */
  name: string;
  /** As the server claims. */
  mime: string | undefined;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Fetches over http or https and hands the body to `take`. Every address on the way is checked at the moment of the
 * connection, redirects included.
 * @throws InputError, the signal's reason, or what `take` throws for reasons of its own
 */
export async function download<T>(
  reference: string,
  options: DownloadOptions,
  take: (downloaded: DownloadedBody, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeouts, allowed } = options;
  const overdue = AbortSignal.timeout(timeouts.totalMs);
  const signal = AbortSignal.any([options.signal, overdue]);
  // One for each download: nothing stays open, and no connection made for one job serves another.
  const agent = new Agent({
    connect: { timeout: timeouts.connectMs, lookup: guardedLookup(allowed) },
    headersTimeout: timeouts.headersMs,
    bodyTimeout: timeouts.bodyMs,
  });
  let url = parseUrl(reference, options.pointer);
  try {
    for (let redirects = 0; ; redirects++) {
      checkLiteralHost(url, allowed);
      const { statusCode, headers, body } = await request(url, {
        dispatcher: agent,
        signal,
        // As it is: a small compressed body may hold a huge one.
        headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'switchyard' },
      });
      const location = headers['location'];
      if (REDIRECTS.has(statusCode) && typeof location === 'string') {
        discard(body);
        if (redirects === MAX_REDIRECTS) throw tooManyRedirects(url, options.pointer);
        url = parseUrl(location, options.pointer, url);
        continue;
      }
      if (statusCode < 200 || statusCode > 299) {
        discard(body);
        throw badStatus(statusCode, headers['retry-after'], url, options.pointer);
      }
      if (Number(headers['content-length']) > options.maxBytes) {
        discard(body);
        throw tooLarge(url, options);
      }
      const type = headers['content-type'];
      return await take({ body, name: nameOf(url), mime: typeof type === 'string' ? type : undefined }, signal);
    }
  } catch (error) {
    options.signal.throwIfAborted();
    if (overdue.aborted) {
      throw new InputError(
        'timeout',
        options.pointer,
        `took more than ${timeouts.totalMs / 1_000} s to load from ${shown(url)}`,
      );
    }
    throw explained(error, url, options.pointer);
  } finally {
    await agent.destroy();
  }
}

function parseUrl(reference: string, pointer: string, base?: URL): URL {
  const what = base ? 'is redirected to' : 'is';
  let url: URL;
  try {
    url = new URL(reference, base);
  } catch {
    throw new InputError('validation', pointer, `${what} no valid address`, 'give a complete http(s) address');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new InputError(
      'validation',
      pointer,
      `${what} an address of the kind ${url.protocol}`,
      'only http: and https: are followed',
    );
  }
  if (url.username || url.password) {
    throw new InputError(
      'validation',
      pointer,
      `${what} an address with credentials`,
      'use a signed address, or upload the file',
    );
  }
  return url;
}

/** Without the query, which may hold a signature. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`.slice(0, 300);
}

function nameOf(url: URL): string {
  const last = basename(url.pathname);
  try {
    return decodeURIComponent(last) || url.hostname;
  } catch {
    return last;
  }
}

function discard(body: Readable): void {
  body.on('error', () => {}).destroy();
}

function tooManyRedirects(url: URL, pointer: string): InputError {
  return new InputError(
    'validation',
    pointer,
    `is redirected more than ${MAX_REDIRECTS} times, last by ${shown(url)}`,
    'give the final address',
  );
}

function tooLarge(url: URL, options: DownloadOptions): InputError {
  return new InputError(
    'payload_too_large',
    options.pointer,
    `is over the limit of ${options.maxBytes} bytes at ${shown(url)}`,
    'make it smaller, or raise SWITCHYARD_MAX_UPLOAD_BYTES',
  );
}

function badStatus(status: number, retryAfter: unknown, url: URL, pointer: string): InputError {
  const seconds = typeof retryAfter === 'string' && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  const [code, hint] = codeOfStatus(status);
  return new InputError(code, pointer, `could not be loaded: ${shown(url)} answered ${status}`, hint, {
    retry_after_ms: seconds === undefined ? undefined : seconds * 1_000,
  });
}

function codeOfStatus(status: number): [ErrorCode, string | undefined] {
  if (status === 404 || status === 410) return ['not_found', 'mend the address'];
  if (status === 401 || status === 403) return ['permission', 'use a signed address, or upload the file'];
  if (status === 429) return ['rate_limited', undefined];
  if (status >= 500 || status === 408 || status === 425) return ['service_unavailable', undefined];
  return ['validation', 'mend the address'];
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);
const NETWORK =
  /^(?:E[A-Z_]+|UND_ERR_[A-Z_]+|HPE_[A-Z_]+|CERT_[A-Z_]+|ERR_TLS_[A-Z_]+|ERR_SSL_[A-Z_]+|[A-Z_]*(?:CERT|SIGNATURE)[A-Z_]*)$/;
/** Errors of this machine's disk, which must not look like the other side's. */
const LOCAL = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'EACCES', 'EPERM', 'EIO', 'ENOENT']);

function explained(error: unknown, url: URL, pointer: string): unknown {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 5; depth++) {
    if (at instanceof InputError) return at;
    if (at instanceof RefusedAddressError) {
      return new InputError(
        'permission',
        pointer,
        `names a host that is not public: ${at.address}`,
        'upload the file instead, or set SWITCHYARD_ALLOW_PRIVATE_INPUT_URLS=true where clients are trusted',
      );
    }
    const { code, message, cause } = at as NodeJS.ErrnoException;
    at = cause;
    if (code === undefined || LOCAL.has(code)) continue;
    if (TIMEOUTS.has(code)) {
      return new InputError('timeout', pointer, `could not be loaded in time from ${shown(url)} (${code})`, undefined, {
        cause: error,
      });
    }
    if (NETWORK.test(code)) {
      return new InputError(
        'service_unavailable',
        pointer,
        `could not be loaded from ${shown(url)}: ${message} (${code})`,
        undefined,
        { cause: error },
      );
    }
  }
  return error;
}
