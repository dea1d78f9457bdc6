import { hostname } from 'node:os';

/** How a server of one's own, or the proxy in front of it, wants to be asked; empty texts count as not given. */
export interface ServerCredentials {
  username: string;
  password: string;
  api_key: string;
  /** `Authorization` sends `Bearer <key>`, any other header the key itself. */
  api_key_header: string;
}

/** Headers with the credentials: an API key wins over basic authentication. */
export function authHeaders({
  username,
  password,
  api_key,
  api_key_header,
}: ServerCredentials): Record<string, string> {
  if (api_key) {
    return { [api_key_header]: api_key_header.toLowerCase() === 'authorization' ? `Bearer ${api_key}` : api_key };
  }
  if (!username && !password) return {};
  return { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

const LOOPBACK = /^(?:localhost|127\..*|\[::1\])$/;

/** Which server it is, among all machines: a loopback address alone says nothing. */
export function instanceName(baseUrl: string): string {
  const url = new URL(baseUrl);
  const loopback = LOOPBACK.test(url.hostname);
  return loopback ? `${hostname()}:${url.port || (url.protocol === 'https:' ? 443 : 80)}` : url.origin;
}

/** Whether what is sent there can be read on the way. */
export function travelsInTheClear(baseUrl: string): boolean {
  const { protocol, hostname: host } = new URL(baseUrl);
  return protocol === 'http:' && !LOOPBACK.test(host);
}
