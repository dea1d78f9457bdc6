/** Service files for the REST double, one for each way in which a service gives its result. */
const common = (kind: string) => ({
  service: `double-${kind}`,
  title: `The double, ${kind}`,
  base_url: '${REST_DOUBLE_URL}/v1',
  auth: { type: 'bearer', token: '${REST_DOUBLE_KEY}' },
  payload: {
    type: 'object',
    properties: { text: { type: 'string', minLength: 1, maxLength: 200 }, size: { type: 'integer', default: 3 } },
    required: ['text'],
  },
  example: { text: 'a town by the sea' },
  health: { path: '/health' },
  limits: { timeout: '30s' },
});

export const syncService = {
  ...common('sync'),
  kind: 'sync',
  params: { style: 'plain' },
  request: {
    path: '/render',
    body: { prompt: '{{ payload.text }}', size: '{{ payload.size }}', style: '{{ params.style }}' },
    idempotency: { header: 'Idempotency-Key' },
  },
  response: {
    result: '{ "text": text, "style": $params.style }',
    artifacts: [{ from: 'url', each: 'files.url', name: 'file-{{ index }}.bin' }],
  },
};

export const asyncService = {
  ...common('async'),
  kind: 'async',
  request: {
    path: '/jobs',
    body: { prompt: '{{ payload.text }}' },
    idempotency: { header: 'Idempotency-Key' },
  },
  async: {
    job_id: 'job.id',
    status: { path: '/jobs/{{ id }}' },
    state: 'job.status',
    states: {
      queued: 'pending',
      in_progress: 'running',
      succeeded: 'completed',
      failed: 'failed',
      aborted: 'cancelled',
    },
    progress: 'job.percent',
    error: 'job.error',
    cancel: { method: 'DELETE', path: '/jobs/{{ id }}' },
    poll: { interval: '20ms', growth: 1, deadline: '60s' },
  },
  response: {
    result: 'job.output.text',
    artifacts: [{ from: 'url', each: 'job.output.files.url', name: 'file-{{ index }}.bin' }],
  },
};

export const sseService = {
  ...common('sse'),
  kind: 'stream',
  request: { path: '/stream', body: { prompt: '{{ payload.text }}' } },
  stream: {
    delta: 'data.text',
    progress: 'data.percent',
    done: 'data.finished',
    output: { name: 'sound.bin', chunk: 'data.audio' },
  },
};

export const socketService = {
  ...common('socket'),
  kind: 'stream',
  request: { method: 'GET', path: '/socket' },
  stream: {
    transport: 'websocket',
    send: [{ prompt: '{{ payload.text }}' }],
    delta: 'data.text',
    progress: 'data.percent',
    done: 'data.finished',
    error: '$type(data) = "string" ? "not understood: " & data',
    output: { name: 'sound.bin' },
  },
};
