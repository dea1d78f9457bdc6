import type { MigrationResult } from '../../../contract/instance.ts';
import {
  type InstanceChange,
  type InstanceConfig,
  type InstanceWish,
  instanceChangeSchema,
  instanceConfigSchema,
  instanceWishSchema,
} from '../../../contract/instance.schema.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import { HttpError } from '../../http/http-error.ts';
import { checkInstance, type MachineRules } from './check-instance.ts';
import { connectInstance, isManagedConfig, readSystemStats } from './endpoint.ts';
import { checkPortFree, suggestPort } from './ports.ts';
import { parse, refuse } from './problems.ts';
import { readImport, withSecretsOf } from './transfer.ts';

/** More would be a mistake in a script. */
const MOST = 64;
const PROBE_TIMEOUT = 10_000;
/** What a process is started with: changed only while it does not run. */
const STARTED_WITH = ['port', 'host', 'url', 'gpuDevice', 'envVars', 'customNodesPath'] as const;

/**
 * The configuration of an instance that is to be made.
 * @throws ConnectorError `validation`, `conflict` for a port in use
 */
export async function planNew(
  wish: InstanceWish,
  others: readonly InstanceConfig[],
  rules: MachineRules,
): Promise<InstanceConfig> {
  const given = parse(instanceWishSchema, wish, 'The instance cannot be created');
  if (others.length >= MOST) throw new ConnectorError('conflict', `There are ${MOST} instances already`);
  if (given.id !== undefined && others.some(({ id }) => id === given.id))
    throw new ConnectorError('conflict', `There is an instance ${given.id} already`, {
      errors: [{ pointer: '/id', detail: 'is there already', hint: 'leave it out, or change that one' }],
    });
  const config = withSecretsOf(undefined, {
    ...given,
    id: given.id ?? nextId(others),
    port: given.port ?? portOf(given.url) ?? (await suggestPort(others)),
  });
  refuse(checkInstance(config, others, rules), 'The instance cannot be created');
  if (isManagedConfig(config) && rules.startsProcesses) await checkPortFree(config);
  else await mustBeComfy(config);
  return config;
}

/**
 * A configuration with some fields changed.
 * @param running whether it runs now
 */
export async function planChange(
  former: InstanceConfig,
  change: InstanceChange,
  others: readonly InstanceConfig[],
  rules: MachineRules,
  running: boolean,
): Promise<InstanceConfig> {
  const given = parse(instanceChangeSchema, change, `${former.id} cannot be changed`);
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const merged = Object.fromEntries(
    Object.entries({ ...former, ...Object.fromEntries(set) }).filter(([, value]) => value !== null),
  );
  if ('url' in given && given.url && given.port === undefined) merged['port'] = portOf(given.url) ?? former.port;
  const next = withSecretsOf(former, parse(instanceConfigSchema, merged, `${former.id} cannot be changed`));
  if (running) refuseWhileRunning(former, next);
  refuse(checkInstance(next, others, rules), `${former.id} cannot be changed`);
  const moved = STARTED_WITH.some((field) => differs(former[field], next[field]));
  if (moved && !running) {
    if (isManagedConfig(next) && rules.startsProcesses) {
      if (next.port !== former.port) await checkPortFree(next);
    } else await mustBeComfy(next);
  }
  return next;
}

/** @param isRunning tells of those that are there already */
export async function planImport(
  data: string,
  present: readonly InstanceConfig[],
  rules: MachineRules,
  isRunning: (id: string) => boolean,
): Promise<{ instances: InstanceConfig[]; activeInstanceId: string | null; migration?: MigrationResult }> {
  const read = readImport(data);
  const instances = read.instances.map((config) => {
    const former = present.find(({ id }) => id === config.id);
    return { former, next: withSecretsOf(former, config) };
  });
  const after = new Map([...present, ...instances.map(({ next }) => next)].map((config) => [config.id, config]));
  if (after.size > MOST)
    throw new ConnectorError('conflict', `That would be ${after.size} instances; at most ${MOST} are kept`);
  const problems = instances.flatMap(({ next }) => {
    const others = [...after.values()].filter(({ id }) => id !== next.id);
    return checkInstance(next, others, rules).map((problem) => ({
      ...problem,
      pointer: `/${next.id}${problem.pointer}`,
    }));
  });
  refuse(problems, 'The import cannot be used');
  for (const { former, next } of instances) if (former && isRunning(next.id)) refuseWhileRunning(former, next);
  return {
    instances: instances.map(({ next }) => next),
    activeInstanceId: read.activeInstanceId,
    ...(read.migration ? { migration: read.migration } : {}),
  };
}

function refuseWhileRunning(former: InstanceConfig, next: InstanceConfig): void {
  const fields = STARTED_WITH.filter((field) => differs(former[field], next[field]));
  if (fields.length === 0) return;
  throw new ConnectorError(
    'conflict',
    `${former.id} runs with its ${fields.join(', ')}: stop it first, then change that`,
    { errors: fields.map((field) => ({ pointer: `/${field}`, detail: 'cannot be changed while it runs' })) },
  );
}

/** One that cannot be reached now may be off; one that answers must be a ComfyUI. */
async function mustBeComfy(config: InstanceConfig): Promise<void> {
  const { http, client } = connectInstance(config, PROBE_TIMEOUT);
  try {
    await readSystemStats(client);
  } catch (error) {
    const away = error instanceof HttpError && (error.code === 'service_unavailable' || error.code === 'timeout');
    if (!away || error.delivery === 'answered') throw error;
    if (error.delivery === 'in_doubt' && error.code === 'service_unavailable')
      throw new ConnectorError(
        'validation',
        `${client.baseUrl} is no ComfyUI: it cuts the connection without an answer`,
        {
          cause: error,
          errors: [
            {
              pointer: '/url',
              detail: 'does not speak HTTP',
              hint: 'give the address that its page in the browser has',
            },
          ],
        },
      );
  } finally {
    await http.close();
  }
}

function nextId(others: readonly InstanceConfig[]): string {
  for (let number = 1; ; number++) {
    const id = `instance_${String(number).padStart(3, '0')}`;
    if (!others.some((other) => other.id === id)) return id;
  }
}

function portOf(url: string | null | undefined): number | undefined {
  if (!url || !URL.canParse(url)) return undefined;
  const { port, protocol } = new URL(url);
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

function differs(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) !== JSON.stringify(b);
}
