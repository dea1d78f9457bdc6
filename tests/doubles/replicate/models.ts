import type { Json } from '../hosted/wire.ts';

export const VERSION = 'a'.repeat(64);

/** As a model describes itself: OpenAPI 3.0, with the fields that Cog adds. */
const Input: Json = {
  type: 'object',
  title: 'Input',
  required: ['prompt'],
  properties: {
    prompt: { type: 'string', title: 'Prompt', 'x-order': 0 },
    width: { type: 'integer', title: 'Width', minimum: 64, maximum: 1_024, default: 512, 'x-order': 1 },
    scheduler: { allOf: [{ $ref: '#/components/schemas/scheduler' }], default: 'DDIM', 'x-order': 2 },
    image: { type: 'string', format: 'uri', title: 'Image', nullable: true, 'x-order': 3 },
    format: { type: 'string', enum: ['png', 'webp'], title: 'Format', 'x-order': 4 },
    scale: { type: 'number', title: 'Scale', default: 4, 'x-order': 5 },
    deep: { type: 'array', items: { type: 'object' }, title: 'Deep', 'x-order': 6 },
  },
};

export const versionDocument = {
  id: VERSION,
  created_at: '2026-01-01T00:00:00Z',
  cog_version: '0.14.1',
  openapi_schema: {
    openapi: '3.0.2',
    info: { title: 'Cog', version: '0.1.0' },
    components: {
      schemas: { Input, scheduler: { type: 'string', title: 'scheduler', enum: ['DDIM', 'K_EULER'] } },
    },
  },
};

/** @param official such models have no version to name */
export function modelDocument(name: string, official: boolean): Json {
  const [owner, short] = name.split('/');
  return {
    url: `https://replicate.com/${name}`,
    owner,
    name: short,
    visibility: 'public',
    run_count: 7,
    is_official: official,
    latest_version: versionDocument,
  };
}
