import type { FieldError } from '../../contract/errors.ts';
import { jobSchema, type Job } from '../../contract/job.schema.ts';
import type { JobPlan, RetryPlan } from '../../contract/plan.ts';
import { formatDuration } from '../../contract/duration.ts';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import type { Catalog, CatalogRoute } from '../catalog/catalog.ts';
import type { Pool } from '../catalog/pools.schema.ts';
import { mistakeOfReference } from '../inputs/reference-form.ts';
import { checkShape, pointerTo } from './check-shape.ts';
import { fieldErrorsOf } from './field-errors.ts';
import { largestPart } from './largest-part.ts';
import { InvalidJobError } from './invalid-job-error.ts';
import { chooseRoutes, type RoutingKnowledge } from './choose-routes.ts';

export interface PlanningOptions extends RoutingKnowledge {
  /** Milliseconds. */
  artifactRetention: number;
  /** Milliseconds. */
  heartbeatTimeout: number;
  maxPayloadBytes: number;
}

export interface PlannedJob {
  job: Job;
  plan: JobPlan;
}

/** Attempts lost with their worker before a job counts as the cause. */
const MAX_CRASHES = 5;

/**
 * Validates a job document and routes it: the one way in, for HTTP and for the `temporal` CLI alike.
 * @param now epoch milliseconds, for the deadline
 * @throws InvalidJobError with every field that is wrong
 */
export function planJob(document: unknown, catalog: Catalog, options: PlanningOptions, now: number): PlannedJob {
  return planValidatedJob(parseJob(document, options.maxPayloadBytes), catalog, options, now);
}

/**
 * Routes a job whose document has been validated before (a retry): durations are milliseconds already.
 * @throws InvalidJobError when the catalog has changed so that the job is no longer possible
 */
export function planValidatedJob(job: Job, catalog: Catalog, options: PlanningOptions, now: number): PlannedJob {
  const service = catalog.services.get(job.service);
  if (!service) throw noSuchService(job.service, catalog);
  const payload = service.manifest.payload.safeParse(job.payload, { reportInput: true });
  const errors: FieldError[] = payload.success
    ? referenceErrors(service.manifest, payload.data)
    : fieldErrorsOf(payload.error, '/payload');
  if (job.deadline && Date.parse(job.deadline) <= now) {
    errors.push({
      pointer: '/deadline',
      detail: `${job.deadline} is in the past`,
      hint: 'give a later time or leave it out',
    });
  }
  const model = payload.success ? service.manifest.modelOf?.(payload.data) : undefined;
  const choice = chooseRoutes(job, service, catalog, errors, options, now, model);
  const pool = catalog.pools.get(choice.first.pool)!;
  const retry = retryPlan(job, pool, choice.first.pool, errors);
  const runTimeout = runTimeoutOf(job, choice.first, pool, errors);
  if (errors.length > 0 || !payload.success) throw new InvalidJobError('validation', errors);
  return {
    job: { ...job, payload: payload.data },
    plan: {
      v: 1,
      connector: choice.first.connector,
      routes: choice.routes,
      retry,
      run_timeout_ms: runTimeout,
      heartbeat_timeout_ms: options.heartbeatTimeout,
      start_timeout_ms: job.start_timeout,
      artifact_retention_ms: job.artifact_retention ?? options.artifactRetention,
      needs: choice.needs,
      announce: choice.announce,
    },
  };
}

/** Whether a file is there only a worker can tell; what can be no file's name is refused here. */
function referenceErrors({ inputs }: ServiceManifest, payload: Record<string, unknown>): FieldError[] {
  return inputs.flatMap(({ field }) => {
    const reference = payload[field];
    if (typeof reference !== 'string' || reference === '') return [];
    const mistake = mistakeOfReference(reference);
    return mistake ? [{ pointer: pointerTo('/payload', field), ...mistake }] : [];
  });
}

function noSuchService(name: string, catalog: Catalog): InvalidJobError {
  const family = catalog.off.get(name);
  if (family !== undefined)
    return invalid(
      '/service',
      `"${name}" is off here: CONNECTORS does not name ${family}`,
      `add ${family} to CONNECTORS`,
    );
  return invalid('/service', `"${name}" is no service here`, known(catalog.services.keys()));
}

function parseJob(document: unknown, maxBytes: number): Job {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw invalid('', 'must be a JSON object', 'for example {"service": "simulation", "payload": {}}');
  }
  const shape = checkShape(document);
  if (shape) throw new InvalidJobError('validation', [shape]);
  const bytes = Buffer.byteLength(JSON.stringify(document));
  if (bytes > maxBytes) {
    const { pointer, bytes: part } = largestPart(document);
    const detail = pointer === '' ? '' : ` of the ${bytes} of the job`;
    throw new InvalidJobError('payload_too_large', [
      {
        pointer,
        detail: `is ${part} bytes long${detail}, the limit is ${maxBytes}`,
        hint: 'upload large inputs with POST /api/inputs and refer to them',
      },
    ]);
  }
  const parsed = jobSchema.safeParse(document, { reportInput: true });
  if (!parsed.success) throw new InvalidJobError('validation', fieldErrorsOf(parsed.error));
  return parsed.data;
}

function retryPlan(job: Job, pool: Pool, poolName: string, errors: FieldError[]): RetryPlan {
  const bound = pool.max_retry_attempts + 1;
  const asked = job.retry.max_attempts;
  if (asked !== undefined && asked > bound) {
    errors.push({
      pointer: '/retry/max_attempts',
      detail: `${asked} is over the limit of pool ${poolName}`,
      hint: `give at most ${bound}`,
    });
  }
  return {
    max_attempts: asked ?? pool.retry_attempts + 1,
    initial_interval_ms: job.retry.initial_interval ?? pool.retry_initial_interval_seconds * 1_000,
    backoff_coefficient: job.retry.backoff_coefficient ?? pool.retry_backoff_coefficient,
    max_interval_ms: job.retry.max_interval ?? pool.retry_max_interval_seconds * 1_000,
    max_crashes: MAX_CRASHES,
  };
}

function runTimeoutOf(job: Job, route: CatalogRoute, pool: Pool, errors: FieldError[]): number {
  const bound = Math.max(pool.max_timeout_seconds, route.timeout_seconds ?? 0) * 1_000;
  if (job.run_timeout !== undefined && job.run_timeout > bound) {
    errors.push({
      pointer: '/run_timeout',
      detail: `${formatDuration(job.run_timeout)} is over the limit of pool ${route.pool}`,
      hint: `give at most ${formatDuration(bound)}`,
    });
  }
  return job.run_timeout ?? (route.timeout_seconds ?? pool.timeout_seconds) * 1_000;
}

function invalid(pointer: string, detail: string, hint?: string): InvalidJobError {
  return new InvalidJobError('validation', [{ pointer, detail, hint }]);
}

/** "one of: a, b": the hint after an unknown name. */
function known(names: Iterable<string>): string {
  return `one of: ${[...names].join(', ')}`;
}
