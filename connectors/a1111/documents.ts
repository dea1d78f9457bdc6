/** Answers of the web UI, as far as they are read here. Nothing of them is believed to be there. */

type Json = Readonly<Record<string, unknown>>;

export function asRecord(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function records(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(asRecord) : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** `GET /sdapi/v1/progress`: of whatever runs. */
export interface GlobalProgress {
  /** 0–1. Right after a task has begun the server counts on from −1: nothing below 0 or above 1 is passed on. */
  progress: number;
  /** Milliseconds. */
  etaMs: number | undefined;
  /** Neither a finished nor a waiting task can be told from it. */
  idle: boolean;
  interrupted: boolean;
  /** When it began, to the second: `20240131235959`. */
  jobTimestamp: string | undefined;
  /** The task that runs; undefined: a server that does not say (before 1.8), or none. */
  currentTask: string | undefined;
  text: string | undefined;
}

export function readGlobalProgress(document: unknown): GlobalProgress {
  const body = asRecord(document);
  const state = asRecord(body['state']);
  return {
    progress: clamp(numberOf(body['progress']) ?? 0),
    etaMs: milliseconds(body['eta_relative']),
    idle: (numberOf(state['job_count']) ?? 0) === 0,
    interrupted: state['interrupted'] === true,
    jobTimestamp: textOf(state['job_timestamp']),
    currentTask: textOf(body['current_task']),
    text: textOf(body['textinfo']),
  };
}

/** `POST /internal/progress`: of one task. */
export interface TaskProgress {
  active: boolean;
  queued: boolean;
  completed: boolean;
  /** 0–1. */
  progress: number;
  etaMs: number | undefined;
  text: string | undefined;
  /** A `data:` URI. */
  preview: string | undefined;
  previewId: number | undefined;
}

export function readTaskProgress(document: unknown): TaskProgress {
  const body = asRecord(document);
  return {
    active: body['active'] === true,
    queued: body['queued'] === true,
    completed: body['completed'] === true,
    progress: clamp(numberOf(body['progress']) ?? 0),
    etaMs: milliseconds(body['eta']),
    text: textOf(body['textinfo']),
    preview: textOf(body['live_preview']),
    previewId: numberOf(body['id_live_preview']),
  };
}

/** What `info` of a generation says; it is JSON in a text. */
export interface GenerationInfo {
  seeds: number[];
  /** Pictures before this one are grids. */
  firstImage: number;
  infotext: string | undefined;
  model: string | undefined;
  modelHash: string | undefined;
  sampler: string | undefined;
  steps: number | undefined;
  cfgScale: number | undefined;
  jobTimestamp: string | undefined;
}

export function readInfo(text: unknown): GenerationInfo {
  const info = asRecord(parsed(text));
  const seeds = Array.isArray(info['all_seeds']) ? info['all_seeds'] : [info['seed']];
  return {
    seeds: seeds.filter((seed): seed is number => typeof seed === 'number'),
    firstImage: Math.max(0, numberOf(info['index_of_first_image']) ?? 0),
    infotext: texts(info['infotexts'])[0],
    model: textOf(info['sd_model_name']),
    modelHash: textOf(info['sd_model_hash']),
    sampler: textOf(info['sampler_name']),
    steps: numberOf(info['steps']),
    cfgScale: numberOf(info['cfg_scale']),
    jobTimestamp: textOf(info['job_timestamp']),
  };
}

function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

function milliseconds(value: unknown): number | undefined {
  const seconds = numberOf(value);
  return seconds === undefined || seconds < 0 ? undefined : Math.round(seconds * 1_000);
}
