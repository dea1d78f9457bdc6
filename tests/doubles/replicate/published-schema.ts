import { PublishedSchema } from '../hosted/published-schema.ts';

const text = { type: 'string' };
const events = { type: 'array', items: { enum: ['start', 'output', 'logs', 'completed'] } };
const prediction = { input: { type: 'object' }, stream: { type: 'boolean' }, webhook: text };
const fields = { ...prediction, webhook_events_filter: events };
const ofModel = { type: 'object', required: ['input'], properties: fields, additionalProperties: false };
const ofVersion = { ...ofModel, required: ['version', 'input'], properties: { ...fields, version: text } };
const headers = {
  type: 'object',
  properties: {
    prefer: { type: 'string', pattern: '^wait(=([1-9]|[1-9][0-9]|60))?$' },
    // A plain text there, with this form told in words.
    'cancel-after': { type: 'string', pattern: '^(?=.)(?:\\d+h)?(?:\\d+m)?(?:\\d+s?)?$' },
  },
};

/** Routes by what they do; in the document the names of models and deployments stand in the path. */
const ROUTES = {
  'POST /predictions': ofVersion,
  'POST /models/{model_owner}/{model_name}/predictions': ofModel,
  'POST /deployments/{deployment_owner}/{deployment_name}/predictions': ofModel,
};

/**
 * The requests with a body of Replicate's HTTP API, as its OpenAPI document (version 1.0.0-a1, as github.com/tryAGI/Replicate
 * holds it at commit 6c8ab8e) describes them.
 */
export const replicateSchema = new PublishedSchema(() => ({
  bodies: {
    ...Object.fromEntries(Object.entries(ROUTES).map(([route, schema]) => [route, { 'application/json': schema }])),
    'POST /files': {
      'multipart/form-data': {
        type: 'object',
        required: ['content'],
        properties: {
          content: { type: 'string', format: 'binary' },
          filename: { type: 'string', maxLength: 255 },
          metadata: {},
          type: text,
        },
      },
    },
  },
  headers: Object.fromEntries(Object.keys(ROUTES).map((route) => [route, headers])),
}));

/** @param path as it came, without the version of the API */
export function routeOf(method: string, path: string): string {
  const [kind, , , rest] = path.split('/');
  if (rest !== 'predictions') return `${method} /${path}`;
  const owner = kind === 'models' ? 'model' : 'deployment';
  return `${method} /${kind}/{${owner}_owner}/{${owner}_name}/predictions`;
}
