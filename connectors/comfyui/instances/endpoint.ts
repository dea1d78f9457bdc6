import ipaddr from 'ipaddr.js';
import type { InstanceConfig } from '../../../contract/instance.schema.ts';
import { checkLiteralHost, RefusedAddressError } from '../../../platform/inputs/address-guard.ts';
import { authHeaders } from '../../base/server-address.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import { createHttpClient, type HttpClient } from '../../http/http-client.ts';
import { HttpError } from '../../http/http-error.ts';
import { ComfyClient } from '../comfy-client.ts';
import { asRecord, textOf } from '../documents.ts';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i;
/**
 * Instances may be on this machine, in the local network or on the internet. Never where nobody means to: link-local
 * addresses (clouds keep their credentials there), none at all, multicast, reserved ones.
 */
const ALLOWED = new Set(['unicast', 'loopback', 'private', 'uniqueLocal', 'carrierGradeNat']);

function isAllowedAddress(address: string): boolean {
  return ipaddr.isValid(address) && ALLOWED.has(ipaddr.process(address).range());
}

/** Whether an instance has its process here: no address of a running one is given, and its host is this machine. */
export function isManagedConfig({ url, host }: InstanceConfig): boolean {
  return url === undefined && LOOPBACK.test(host);
}

/** Where an instance answers, without a slash at the end. */
function urlOf({ url, host, port }: InstanceConfig): string {
  if (url !== undefined) return url.replace(/\/+$/, '');
  // Programs that listen on 127.0.0.1 do not hear who asks ::1.
  const name = host === 'localhost' ? '127.0.0.1' : host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

/** @returns what is wrong with the address of an instance, undefined when nothing is */
export function addressProblem(config: InstanceConfig): { detail: string; hint: string } | undefined {
  const text = urlOf(config);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const hint = 'write http(s)://host[:port][/path]';
  if (!url || !/^https?:$/.test(url.protocol)) return { detail: 'is no http(s) address', hint };
  if (url.username || url.password) return { detail: 'must not hold credentials', hint: 'put the key into apiKey' };
  if (url.search || url.hash) return { detail: 'must not have "?" or "#"', hint };
  try {
    checkLiteralHost(url, isAllowedAddress);
    return undefined;
  } catch (error) {
    if (!(error instanceof RefusedAddressError)) throw error;
    return {
      detail: `points to ${error.address}, where no instance may be`,
      hint: 'give an address of this machine, of the local network or of the internet',
    };
  }
}

/** Talks to one instance. */
export interface InstanceConnection {
  url: string;
  /** With the key, for its socket. */
  headers: Readonly<Record<string, string>>;
  http: HttpClient;
  client: ComfyClient;
}

/** Keys of other services in our environment must not be sent to whoever an instance's address names. */
const KEY_VARIABLE = /^\$\{(COMFYUI_\w+)\}$/;

/** The key itself, where the configuration names the variable that holds it: `${COMFYUI_BOX_KEY}`. */
function keyOf({ apiKey = '' }: InstanceConfig): string {
  const variable = KEY_VARIABLE.exec(apiKey)?.[1];
  return variable === undefined ? apiKey : (process.env[variable] ?? '');
}

/** @param timeoutMs for a connection and for an answer */
export function connectInstance(config: InstanceConfig, timeoutMs: number): InstanceConnection {
  const url = urlOf(config);
  const key = keyOf(config);
  const headers = authHeaders({
    username: '',
    password: '',
    api_key: key,
    api_key_header: config.apiKeyHeader ?? 'Authorization',
  });
  const http = createHttpClient({
    base_url: url,
    headers,
    timeout_ms: timeoutMs,
    secrets: key ? [key] : [],
    home_addresses: isAllowedAddress,
  });
  return { url, headers, http, client: new ComfyClient(http) };
}

/** What `/system_stats` of a ComfyUI says, as far as it is used here. */
export interface SystemStats {
  version: string;
  memoryUsage: number | null;
  gpuUsage?: number;
  gpuMemoryFree?: number;
}

/**
 * Asks an instance what it is.
 * @throws ConnectorError `validation` when something else than a ComfyUI answers, or it leads where it must not; as
 *   the client throws when nothing answers
 */
export async function readSystemStats(client: ComfyClient): Promise<SystemStats> {
  let stats: Record<string, unknown>;
  try {
    stats = await client.systemStats();
  } catch (error) {
    if (error instanceof HttpError && error.code === 'permission' && error.cause instanceof Error)
      throw notComfy(client, 'it leads to an address where no instance may be', error);
    const answered = error instanceof HttpError && error.delivery === 'answered';
    // 401 and 403 are a proxy in front of it, 5xx one whose server is away.
    if (answered && [200, 204, 301, 302, 303, 307, 308, 400, 404, 405, 426].includes(error.status ?? 200))
      throw notComfy(client, `GET /system_stats answers ${error.status ?? 'nothing that can be read'}`, error);
    throw error;
  }
  const system = asRecord(stats['system']);
  const devices: unknown = stats['devices'];
  if (!Array.isArray(devices) || typeof system['python_version'] !== 'string')
    throw notComfy(client, 'GET /system_stats answers something else than system and devices');
  const memoryUsage = share(system['ram_total'], system['ram_free']);
  const device = asRecord(devices[0]);
  const gpuUsage = share(device['vram_total'], device['vram_free']);
  const gpuMemoryFree = Number(device['vram_free']);
  return {
    version: textOf(system['comfyui_version']) ?? 'unknown',
    memoryUsage,
    ...(gpuUsage === null || device['type'] === 'cpu' ? {} : { gpuUsage }),
    ...(Number.isFinite(gpuMemoryFree) ? { gpuMemoryFree } : {}),
  };
}

function notComfy(client: ComfyClient, why: string, cause?: unknown): ConnectorError {
  return new ConnectorError('validation', `${client.baseUrl} is no ComfyUI: ${why}`, {
    cause,
    errors: [{ pointer: '/url', detail: 'is no ComfyUI', hint: 'give the address that its page in the browser has' }],
  });
}

/** Used of total, in percent with one place. */
function share(total: unknown, free: unknown): number | null {
  if (typeof total !== 'number' || typeof free !== 'number' || !(total > 0)) return null;
  return Math.round(Math.min(1, Math.max(0, (total - free) / total)) * 1_000) / 10;
}
