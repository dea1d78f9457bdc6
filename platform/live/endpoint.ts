import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Path of the API that workers bring their live streams to. */
export const LIVE_PATH = '/api/live';

/** Where and how a worker reaches the live channel of an API process. */
export interface LiveEndpoint {
  /** ws: or wss: */
  url: string;
  token?: string;
}

/** Says to the workers on this data directory where the API is; readable by its owner alone. */
export function writeEndpoint(dataDir: string, apiUrl: string, token: string): void {
  mkdirSync(dataDir, { recursive: true });
  const draft = `${fileIn(dataDir)}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ url: socketUrl(apiUrl), token }), { mode: 0o600 });
  renameSync(draft, fileIn(dataDir));
}

/** Takes back what `writeEndpoint` said, unless another API has spoken since. */
export function removeEndpoint(dataDir: string, token: string): void {
  if (readEndpoint(dataDir)?.token === token) rmSync(fileIn(dataDir), { force: true });
}

/** @returns undefined while no API has said where it is */
export function readEndpoint(dataDir: string): LiveEndpoint | undefined {
  try {
    const { url, token } = JSON.parse(readFileSync(fileIn(dataDir), 'utf8')) as Record<string, unknown>;
    return typeof url === 'string' && typeof token === 'string' ? { url, token } : undefined;
  } catch {
    return undefined;
  }
}

/** The address for WebSockets: a web address of the API stands for its live path. */
export function socketUrl(address: string): string {
  const url = new URL(address);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  if (url.pathname === '/' || url.pathname === '') url.pathname = LIVE_PATH;
  return url.href;
}

function fileIn(dataDir: string): string {
  return join(dataDir, 'live.json');
}
