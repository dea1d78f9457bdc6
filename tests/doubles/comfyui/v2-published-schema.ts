import { PublishedSchema } from '../hosted/published-schema.ts';

const text = { type: 'string' };
const headers = { type: 'object', properties: { 'idempotency-key': text } };

/**
 * The requests with a body of Comfy API v2, as its OpenAPI document (`openapi-v2.yaml`, version 2.0.0 of the API, in
 * github.com/Comfy-Org/docs at commit ffb27fc) describes them.
 */
export const comfyV2Schema = new PublishedSchema(() => ({
  bodies: {
    'POST /api/v2/jobs': {
      'application/json': {
        type: 'object',
        required: ['workflow'],
        properties: {
          workflow: { type: 'object', additionalProperties: true },
          extra_data: { type: 'object', additionalProperties: false, properties: { api_key_comfy_org: text } },
        },
      },
    },
    'POST /api/v2/assets': {
      'multipart/form-data': {
        type: 'object',
        required: ['file', 'content_type', 'file_path'],
        properties: {
          file: { type: 'string', format: 'binary' },
          content_type: text,
          file_path: text,
          expected_hash: text,
          tags: { type: 'array', items: text },
          expires_in: { type: 'integer', minimum: 60, maximum: 604_800 },
        },
      },
    },
  },
  headers: { 'POST /api/v2/jobs': headers, 'POST /api/v2/assets': headers },
}));
