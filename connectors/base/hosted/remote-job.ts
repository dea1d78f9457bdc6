import { ConnectorError } from '../../contract/connector-error.ts';
import type { ServiceJobStatus } from '../../contract/connector.ts';
import type { JobContext } from '../../contract/job-context.ts';
import { goesOnElsewhere } from '../../contract/stop-cause.ts';
import { patientSignal } from '../../http/patient-signal.ts';
import { poll } from '../../http/poller.ts';
import { cancelUntilTaken } from './cancel-until-taken.ts';
import type { CallOptions, Called, HostedApi } from './hosted-api.ts';
import type { PaidCall } from './paid-call.ts';

/** On an abort, a submission under way may still say which job it has started. Milliseconds. */
const GRACE = 2_000;
/** Times a service may say that it does not know a job it has just taken: its stores may lag. */
const UNKNOWN_AT_FIRST = 3;

/** A job that a service runs by itself, as its last answer says. */
export interface RemoteJob<R> {
  id: string;
  status: ServiceJobStatus['status'];
  raw: R;
}

/** How a service talks about its jobs. */
export interface RemoteProtocol<Client, R> {
  /** @throws what the client throws; the error explained has the code `not_found` for a job that is not there */
  ask(client: Client, id: string): Promise<RemoteJob<R>>;
  cancel(client: Client, id: string): Promise<unknown>;
  /** Why a job has failed or was cancelled, in the words of the one table. */
  failure(job: RemoteJob<R>): ConnectorError;
}

export interface RemoteWork<Client, R> {
  api: HostedApi<Client>;
  protocol: RemoteProtocol<Client, R>;
  paid: PaidCall<Client>;
  context: JobContext | undefined;
  /** What the service keeps and for how long, for the message about a job that is gone. */
  kept: string;
  /** Hands the job to the service, with `paid.send` and the options given. Nothing of it runs for a job found again. */
  submit(options: CallOptions): Promise<Called<RemoteJob<R>>>;
  /** Why the answer of a completed job cannot be had any more; undefined when it can. */
  lost?(job: RemoteJob<R>): string | undefined;
  /** Hears every answer about the job. */
  observe(job: RemoteJob<R>): void;
  /** Between two questions at first. Milliseconds. */
  intervalMs: number;
  /** Default 10 times the first. */
  maxIntervalMs?: number;
  /**
   * Follows a job that is under way by another way than asking, and returns when it is time to ask. Never throws but for
   * an abort, and for what ends the job.
   */
  follow?(job: RemoteJob<R>): Promise<void>;
}

export interface RemoteResult<R> {
  job: RemoteJob<R>;
  /** An earlier attempt had submitted it. */
  reattached: boolean;
}

/**
 * Has a service do a job: its id is durable before anything waits for it, and whoever comes next goes on watching,
 * collects what is finished, and submits again only what has failed.
 * @throws ConnectorError by the one table, for a lost answer, or the job's own failure; the signal's reason on abort
 */
export async function runRemoteJob<Client, R>(work: RemoteWork<Client, R>): Promise<RemoteResult<R>> {
  const { context, paid } = work;
  const known = context?.serviceJobId;
  if (known !== undefined) {
    const found = await findAgain(work, known);
    if (found) return { job: await watch(work, found), reattached: true };
  } else paid.refuseToRepeat();
  return { job: await watch(work, await submit(work)), reattached: false };
}

/** Stops a job of ours, until the service says that it has ended. */
export function cancelRemoteJob<Client, R>(
  api: HostedApi<Client>,
  protocol: RemoteProtocol<Client, R>,
  id: string,
): Promise<void> {
  return cancelUntilTaken(async () => {
    const { key } = await api.read((client) => protocol.cancel(client, id), { anyKey: true });
    const { value } = await api.read((client) => protocol.ask(client, id), { key: key.label });
    return !isOpen(value);
  });
}

/** What `queryJobStatus` of a connector answers. */
export async function remoteJobStatus<Client, R>(
  api: HostedApi<Client>,
  protocol: RemoteProtocol<Client, R>,
  serviceJobId: string,
): Promise<ServiceJobStatus> {
  try {
    const { value } = await api.read((client) => protocol.ask(client, serviceJobId), { anyKey: true });
    const open = isOpen(value);
    const failed = value.status === 'failed' || value.status === 'cancelled';
    return {
      serviceJobId,
      status: value.status,
      canReconnect: open || value.status === 'completed',
      canCancel: open,
      errorMessage: failed ? protocol.failure(value).message : undefined,
    };
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== 'not_found') throw error;
    return { serviceJobId, status: 'unknown', canReconnect: false, canCancel: false };
  }
}

/** @returns undefined when it has failed, so that another may be asked for */
async function findAgain<Client, R>(work: RemoteWork<Client, R>, id: string): Promise<RemoteJob<R> | undefined> {
  const { context, paid } = work;
  paid.refuseToReplaceAgain(id);
  const found = await askUntil(work, id, async () => true);
  const log = context?.logger.child({ service_job_id: id, status: found?.status });
  if (!found) {
    log?.warn('the job of an earlier attempt is gone');
    paid.refuseToRepeat(forgotten(work, id));
    return undefined;
  }
  if (found.status === 'failed' || found.status === 'cancelled') {
    log?.warn('the job of an earlier attempt has failed: submitting again');
    await paid.ended();
    return undefined;
  }
  const gone = found.status === 'completed' ? work.lost?.(found) : undefined;
  if (gone !== undefined) {
    log?.warn('the answer of the job of an earlier attempt is gone');
    paid.refuseToRepeat(gone);
    return undefined;
  }
  log?.info('job found again');
  return found;
}

async function submit<Client, R>(work: RemoteWork<Client, R>): Promise<RemoteJob<R>> {
  const { api, context, protocol } = work;
  const signal = context?.signal;
  // Not the job's own signal: a job whose id is never learned could neither be cancelled nor found again.
  const patience = patientSignal(signal, GRACE);
  try {
    const { value } = await work.submit({ signal: patience.signal });
    try {
      await context?.trackServiceJob(value.id, api.settings.host);
      signal?.throwIfAborted();
    } catch (error) {
      if (signal?.aborted && !goesOnElsewhere(signal)) await cancelRemoteJob(api, protocol, value.id);
      throw error;
    }
    return value;
  } finally {
    patience.dispose();
  }
}

/** Until the service has ended it. @returns the job, completed */
async function watch<Client, R>(work: RemoteWork<Client, R>, first: RemoteJob<R>): Promise<RemoteJob<R>> {
  const { paid, protocol, follow } = work;
  work.observe(first);
  if (isOpen(first)) await follow?.call(work, first);
  const over = isOpen(first)
    ? await askUntil(work, first.id, async (job) => {
        work.observe(job);
        if (!isOpen(job)) return true;
        await follow?.call(work, job);
        return false;
      })
    : first;
  if (!over) {
    const error = new ConnectorError('not_found', `the service does not know the job ${first.id}`);
    return paid.failed(error, forgotten(work, first.id));
  }
  if (over.status === 'completed') {
    const gone = work.lost?.(over);
    if (gone === undefined) return over;
    return paid.failed(new ConnectorError('backend_error', `the job ${over.id} has completed`), gone);
  }
  await paid.ended();
  throw protocol.failure(over);
}

/** @returns undefined when the service says more than once that it does not know the job */
function askUntil<Client, R>(
  work: RemoteWork<Client, R>,
  id: string,
  enough: (job: RemoteJob<R>) => Promise<boolean>,
): Promise<RemoteJob<R> | undefined> {
  const { api, context, paid, protocol, intervalMs, maxIntervalMs } = work;
  let unknown = 0;
  return poll<RemoteJob<R> | undefined>({
    what: `The job ${id}`,
    ask: async () => {
      try {
        const options = { signal: context?.signal, key: paid.key };
        const { value } = await api.read((client) => protocol.ask(client, id), options);
        unknown = 0;
        return (await enough(value)) ? { value } : undefined;
      } catch (error) {
        if (!(error instanceof ConnectorError) || error.code !== 'not_found') throw error;
        return ++unknown >= UNKNOWN_AT_FIRST ? { value: undefined } : undefined;
      }
    },
    onFailure: (error, in_a_row) => context?.logger.debug({ err: error, service_job_id: id, in_a_row }, 'not answered'),
    interval_ms: intervalMs,
    max_interval_ms: maxIntervalMs,
    signal: context?.signal,
  });
}

function isOpen<R>({ status }: RemoteJob<R>): boolean {
  return status === 'pending' || status === 'running';
}

function forgotten<Client, R>({ kept }: RemoteWork<Client, R>, id: string): string {
  return `its job ${id} is not known there any more; ${kept}`;
}
