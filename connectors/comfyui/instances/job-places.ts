import { instanceName } from '../../base/server-address.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { JobData } from '../../contract/connector.ts';
import type { JobContext } from '../../contract/job-context.ts';
import { pause } from '../../http/backoff.ts';
import { findPrompt } from '../find-prompt.ts';
import type { InstanceManager } from './instance-manager.ts';
import { isUp, type KeptInstance } from './kept-instance.ts';

/** Metadata of a job that names the instance it wants; `active`: the active one. */
const METADATA = 'comfyui_instance';
const RETRY_MS = 5_000;
/** Between two looks at an instance that does not answer. */
const LOOK_MS = 1_000;

/** The instance that a job names. */
export function wishOf({ metadata }: JobData): string | undefined {
  const wish = metadata?.[METADATA];
  return wish === undefined ? undefined : String(wish);
}

/**
 * The instance that a job goes to now; undefined: it has to wait.
 * @param tried instances that have failed this job; others are looked at only
 * @param patient whether it may wait for one that is coming up
 * @throws ConnectorError `validation` for a name that is none, `service_unavailable` when there is none to wait for
 */
export function pickInstance(
  manager: InstanceManager,
  job: JobData,
  tried: ReadonlySet<string>,
  patient: boolean,
): KeptInstance | undefined {
  const wish = wishOf(job);
  if (wish !== undefined) return named(manager, wish, patient);
  const usable = manager.getInstancesByLoad() as KeptInstance[];
  const fit = usable.filter(({ id, health }) => !tried.has(id) && health.status !== 'unhealthy');
  const free = fit.find(({ hasRoom }) => hasRoom);
  if (free || fit.length > 0) return free;
  if (patient && manager.someInstanceComes(tried)) return undefined;
  throw none(manager);
}

/** The instance on which an earlier attempt has left the job's prompt, once it is known that it is there. */
export async function earlierPlace(
  manager: InstanceManager,
  { serviceJobId, serviceInstance, signal }: JobContext,
  patienceMs: number,
): Promise<KeptInstance | undefined> {
  if (serviceJobId === undefined || serviceInstance === undefined) return undefined;
  const all = manager.listInstances() as KeptInstance[];
  const instance = all.find(({ url }) => instanceName(url) === serviceInstance);
  const until = performance.now() + patienceMs;
  while (instance && manager.getInstance(instance.id)) {
    const place = await findPrompt(instance.client, serviceJobId, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (place) return place.state !== 'unknown' && isUp(instance.status) ? instance : undefined;
    // Its process is gone, and the queue with it.
    if (instance.managed && !isUp(instance.status)) return undefined;
    if (performance.now() > until) {
      manager.leaveBehind(instance.id, serviceJobId);
      return undefined;
    }
    await pause(LOOK_MS, signal);
  }
  return undefined;
}

function named(manager: InstanceManager, wish: string, patient: boolean): KeptInstance | undefined {
  const found = (wish === 'active' ? manager.getActiveInstance() : manager.getInstance(wish)) as KeptInstance | null;
  if (!found) {
    const known = manager.listInstances().map(({ id }) => id);
    const detail = `names an instance that is not there: ${wish.slice(0, 100)}`;
    const hint = known.length > 0 ? `there are ${known.join(', ')}` : 'leave it out';
    throw new ConnectorError('validation', `metadata.${METADATA} ${detail}; ${hint}`, {
      errors: [{ pointer: `/metadata/${METADATA}`, detail, hint }],
    });
  }
  const well = found.status === 'running' && found.health.status !== 'unhealthy';
  if (well) return found.hasRoom ? found : undefined;
  if (patient && (found.status === 'starting' || found.status === 'running')) return undefined;
  const why = found.reason ?? found.health.reason;
  throw new ConnectorError(
    'service_unavailable',
    `The instance ${found.id}, which the job names, takes no jobs: it is ${isUp(found.status) ? found.health.status : found.status}${why ? ` (${why})` : ''}; start it, or leave the name out`,
    { retry_after_ms: RETRY_MS },
  );
}

function none(manager: InstanceManager): ConnectorError {
  const all = (manager.listInstances() as KeptInstance[]).map(
    ({ id, status, health }) => `${id} is ${status === 'running' ? health.status : status}`,
  );
  const hint = all.length > 0 ? all.join(', ') : 'there are none: switchyard instances create';
  return new ConnectorError('service_unavailable', `No ComfyUI instance takes jobs now: ${hint}`, {
    retry_after_ms: RETRY_MS,
  });
}
