import type { LogFieldSet } from '../../contract/log-fields.ts';

/** What hosted text and picture models have in common. */
const HOSTED: LogFieldSet = {
  model: 'text',
  request_id: 'text',
  response_id: 'text',
  token_usage: 'counts',
  cost: 'number',
  cost_currency: 'text',
  finish_reason: 'text',
  pictures: 'number',
  response_time_ms: 'number',
};

/** What services that take a job and are asked about it have in common. */
const REMOTE: LogFieldSet = {
  model: 'text',
  version: 'text',
  queue_time_ms: 'number',
  run_time_ms: 'number',
  cost: 'number',
  cost_currency: 'text',
  response_time_ms: 'number',
  reattached: 'flag',
};

/**
 * Normalized log fields by family, flat in the record, so that one query serves all machines. The families' own code
 * fills them in; docs/logging.md lists them.
 */
export const LOG_FIELD_SETS: Readonly<Record<string, LogFieldSet>> = {
  comfyui: {
    prompt_id: 'text',
    client_id: 'text',
    websocket_message_type: 'text',
    node_id: 'text',
    model_name: 'text',
    nodes: 'number',
    template: 'text',
    instance: 'text',
    vram_usage: 'number',
    reattached: 'flag',
    submissions: 'number',
  },
  openai: HOSTED,
  anthropic: { ...HOSTED, stop_reason: 'text' },
  a1111: {
    sampler: 'text',
    scheduler: 'text',
    steps: 'number',
    cfg_scale: 'number',
    seed: 'number',
    width: 'number',
    height: 'number',
    batch_size: 'number',
    model_checkpoint: 'text',
    task_id: 'text',
    pictures: 'number',
    reattached: 'flag',
  },
  rest: {
    rest_service: 'text',
    rest_kind: 'text',
    method: 'text',
    host: 'text',
    http_status: 'number',
    response_time_ms: 'number',
  },
  replicate: { prediction_id: 'text', ...REMOTE },
  runpod: { runpod_job_id: 'text', endpoint_id: 'text', ...REMOTE },
  simulation: { planned_ms: 'number', steps: 'number', failure_code: 'text' },
  upscale: {
    scale: 'number',
    width: 'number',
    height: 'number',
    tiles: 'number',
    tiles_resumed: 'number',
  },
};

/** The set of a service type; `openai-text` has that of `openai`. undefined: a service that declares none. */
export function fieldSetOf(serviceType: string): LogFieldSet | undefined {
  const family = Object.keys(LOG_FIELD_SETS).find((name) => serviceType === name || serviceType.startsWith(`${name}-`));
  return family === undefined ? undefined : LOG_FIELD_SETS[family];
}
