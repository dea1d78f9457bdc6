import type { MigrationResult } from '../../../contract/instance.ts';
import { type InstanceConfig, instanceWishSchema } from '../../../contract/instance.schema.ts';
import { asRecord, textOf } from '../documents.ts';
import { problemsOf } from './problems.ts';
import { CONFIG_VERSION } from './versions.ts';

export interface Migration {
  result: MigrationResult;
  instances: InstanceConfig[];
}

/** What a configuration that knows one server may call its address. */
const ADDRESSES = ['endpoint', 'serverUrl', 'server_url', 'baseUrl', 'base_url', 'url', 'COMFYUI_URL'];

/**
 * Whether a document is the configuration of a single instance: it says where one ComfyUI is, and lists none. Its
 * settings may lie under `comfyui`.
 */
export function isSingleInstance(document: unknown): boolean {
  const settings = settingsOf(document);
  if (Array.isArray(settings['instances'])) return false;
  return ADDRESSES.some((key) => textOf(settings[key])) || 'port' in settings || textOf(settings['host']) !== undefined;
}

/** Makes one instance, `default`, of the configuration of a single one. */
export function migrateSingleInstance(document: unknown): Migration {
  const settings = settingsOf(document);
  const fromVersion = textOf(asRecord(document)['version']) ?? textOf(settings['version']) ?? 'single-instance';
  const wish = wishOf(settings);
  const parsed = instanceWishSchema.safeParse(wish);
  const about = { fromVersion, toVersion: CONFIG_VERSION };
  if (!parsed.success) {
    const errors = problemsOf(parsed.error).map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}`);
    return { result: { migrated: false, ...about, instancesCreated: 0, errors }, instances: [] };
  }
  const instance: InstanceConfig = { ...parsed.data, id: 'default', port: parsed.data.port ?? 8_188 };
  return { result: { migrated: true, ...about, instancesCreated: 1, errors: [] }, instances: [instance] };
}

function settingsOf(document: unknown): Record<string, unknown> {
  const whole = asRecord(document);
  const inner = whole['comfyui'] ?? whole['comfyUI'] ?? whole['comfyuiConfig'];
  return inner === undefined ? whole : asRecord(inner);
}

/** Such a configuration never started anything: the server it names runs already, and is used as it is. */
function wishOf(settings: Record<string, unknown>): Record<string, unknown> {
  const given = ADDRESSES.map((key) => textOf(settings[key])).find((value) => value);
  const host = textOf(settings['host']) ?? 'localhost';
  const ownPort = Number(settings['port'] ?? 8_188);
  const url = given ?? `http://${host}:${ownPort}`;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const secure = parsed?.protocol === 'https:';
  const pick = (name: string, ...others: string[]) =>
    [name, ...others].map((key) => settings[key]).find((value) => value !== undefined && value !== '');
  const wish = {
    name: pick('name') ?? 'Default instance',
    url,
    host: parsed?.hostname || host,
    port: Number(parsed?.port || (parsed ? (secure ? 443 : 80) : ownPort)),
    apiKey: pick('apiKey', 'api_key', 'COMFYUI_API_KEY'),
    apiKeyHeader: pick('apiKeyHeader', 'api_key_header', 'COMFYUI_API_KEY_HEADER'),
    timeoutMs: pick('timeoutMs', 'timeout'),
    maxConcurrentWorkflows: pick('maxConcurrentWorkflows', 'maxConcurrent'),
    enableQueueMonitoring: pick('enableQueueMonitoring'),
    description: pick('description'),
    autoStart: true,
  };
  return Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined));
}
