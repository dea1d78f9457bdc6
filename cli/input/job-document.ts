import type { JobInput } from '../../contract/job.schema.ts';
import { DURATION_HINT, parseDuration } from '../../contract/duration.ts';
import { usageError } from '../cli-error.ts';
import type { Terminal } from '../terminal.ts';
import { readJsonArgument, readJsonFile } from './read-json.ts';
import { parseScalar } from './scalar.ts';
import { setPath, splitAssignment } from './set-path.ts';

/** The options of `submit` that make up the job document. */
export interface JobOptions {
  job?: string;
  payload?: string;
  set?: string[];
  pool?: string;
  priority?: number;
  tag?: string[];
  metadata?: string[];
  startTimeout?: string;
  runTimeout?: string;
  deadline?: string;
  maxAttempts?: number;
  machineType?: string;
  gpuCount?: number;
  gpuMemoryMb?: number;
  connector?: string;
  model?: string;
  artifactRetention?: string;
}

/**
 * The job document as the command line describes it: `--job` first, then what the options say. Values are checked by
 * the API, which knows the service's schema; here only what cannot be written down at all is refused.
 * @param references payload fields that `-i field=uri` names
 * @throws CliError (exit code 2)
 */
export async function buildJobDocument(
  service: string | undefined,
  options: JobOptions,
  references: Record<string, string>,
  terminal: Terminal,
): Promise<JobInput> {
  if (options.job === '-' && options.payload === '-') {
    throw usageError('--job - and --payload - cannot both read standard input');
  }
  const document = options.job === undefined ? {} : await readJsonFile(options.job, '--job', terminal);
  const name = service ?? document['service'];
  if (typeof name !== 'string') {
    throw usageError(
      options.job === undefined ? 'Which service?' : `--job ${options.job} names no service`,
      'switchyard services lists them; for example: switchyard submit simulation',
    );
  }
  const payload =
    options.payload === undefined
      ? objectAt(document, 'payload')
      : await readJsonArgument(options.payload, '--payload', terminal);
  for (const assignment of options.set ?? []) setPath(payload, assignment);
  const metadata = objectAt(document, 'metadata');
  for (const entry of options.metadata ?? []) {
    const [key, value] = splitAssignment(entry, '--metadata', 'key=value');
    metadata[key] = metadataValue(value, key);
  }
  const tags = [...listAt(document, 'tags'), ...(options.tag ?? [])];
  const requirements = {
    ...objectAt(document, 'requirements'),
    ...defined({
      machine_type: options.machineType,
      gpu_count: options.gpuCount,
      gpu_memory_mb: options.gpuMemoryMb,
      connector: options.connector,
      model: options.model,
    }),
  };
  const retry = { ...objectAt(document, 'retry'), ...defined({ max_attempts: options.maxAttempts }) };
  return {
    ...document,
    service: name,
    payload: { ...payload, ...references },
    ...defined({
      pool: options.pool,
      priority: options.priority,
      start_timeout: durationText(options.startTimeout, '--start-timeout'),
      run_timeout: durationText(options.runTimeout, '--run-timeout'),
      deadline: options.deadline === undefined ? undefined : parseDeadline(options.deadline, Date.now()),
      artifact_retention: durationText(options.artifactRetention, '--artifact-retention'),
    }),
    ...filled('tags', tags),
    ...filled('metadata', metadata),
    ...filled('requirements', requirements),
    ...filled('retry', retry),
  };
}

/**
 * A point in time, or a duration from now.
 * @returns RFC 3339 text
 * @throws CliError
 */
export function parseDeadline(text: string, now: number): string {
  const ms = parseDuration(text);
  if (ms !== undefined) return new Date(now + ms).toISOString();
  if (/^\d{4}-\d{2}-\d{2}T/.test(text) && !Number.isNaN(Date.parse(text))) {
    return /(?:Z|[+-]\d{2}:\d{2})$/i.test(text) ? text : new Date(text).toISOString();
  }
  throw usageError(
    `--deadline ${text}: is neither a duration nor a time`,
    'For example 30m, 2h, 2026-01-31T18:00:00Z or 2026-01-31T18:00:00 (local time)',
  );
}

/** Durations go to the API as they are written, but a plain number is one of seconds. */
function durationText(text: string | undefined, option: string): string | number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (parseDuration(text) === undefined) throw usageError(`${option} ${text}: is no duration; give ${DURATION_HINT}`);
  return text;
}

function metadataValue(text: string, key: string): string | number | boolean {
  const value = parseScalar(text, `--metadata ${key}`);
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string' ? value : text;
}

function objectAt(document: Record<string, unknown>, key: string): Record<string, unknown> {
  const value = document[key];
  if (value === undefined) return {};
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw usageError(`"${key}" of the job document must be an object`);
}

function listAt(document: Record<string, unknown>, key: string): string[] {
  const value = document[key];
  if (value === undefined) return [];
  if (Array.isArray(value)) return value as string[];
  throw usageError(`"${key}" of the job document must be a list`);
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function filled(key: string, value: object): Record<string, unknown> {
  return Object.keys(value).length > 0 ? { [key]: value } : {};
}
