import type { IncomingMessage } from 'node:http';
import { HttpProblem } from './http-problem.ts';

export interface GuardOptions {
  /** Address the API listens on. */
  host: string;
  publicUrl?: string;
}

/** Host header without its port, lower case, IPv6 without brackets. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d+$/, '')).toLowerCase();
}

export function isLoopback(host: string): boolean {
  const name = hostName(host);
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name);
}

/**
 * Refuses what only a browser that was led astray sends. The API has no credentials of its own to check, so on a
 * developer's machine any web page could otherwise reach it.
 */
export class RequestGuard {
  readonly #options: GuardOptions;
  readonly #publicOrigin: string | undefined;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#publicOrigin = options.publicUrl === undefined ? undefined : new URL(options.publicUrl).origin;
  }

  /**
   * DNS rebinding: a foreign name that suddenly resolves to this machine shows in the Host header.
   * @throws HttpProblem permission; malformed when HTTP/1.1 comes without the header (RFC 9112, 3.2)
   */
  checkHost(req: IncomingMessage): void {
    if (req.headers.host === undefined && req.httpVersion === '1.1') {
      throw new HttpProblem('malformed', 'The Host header is missing');
    }
    if (this.#publicOrigin !== undefined || !isLoopback(this.#options.host)) return;
    const { host } = req.headers;
    if (host === undefined || isLoopback(host) || hostName(host) === hostName(this.#options.host)) return;
    throw new HttpProblem(
      'permission',
      `This API answers on loopback only, not as "${host.slice(0, 100)}"; set SWITCHYARD_PUBLIC_URL if it is meant to have that name`,
    );
  }

  /**
   * Another site's page: browsers send Origin with every request that changes something and with WebSocket upgrades.
   * Programs send none.
   * @throws HttpProblem permission
   */
  checkOrigin(req: IncomingMessage): void {
    const { origin, host } = req.headers;
    if (origin === undefined && req.headers['sec-fetch-site'] !== 'cross-site') return;
    if (origin !== undefined && (origin === this.#publicOrigin || sameHost(origin, host))) return;
    throw new HttpProblem(
      'permission',
      `Requests from pages of ${origin?.slice(0, 100) ?? 'another site'} are not taken; use a program or a page of this API`,
    );
  }
}

function sameHost(origin: string, host: string | undefined): boolean {
  try {
    return new URL(origin).host === host?.toLowerCase();
  } catch {
    // "null": a sandboxed page, which could be anyone's.
    return false;
  }
}
