import { z } from 'zod';
import { extraBody, ifLost, model, text } from '../base/hosted/fields.schema.ts';

export const detail = z
  .enum(['auto', 'low', 'high'], 'must be auto, low or high')
  .describe('How closely a picture is looked at; high costs more tokens');

/** Fields of requests that Switchyard sets itself. */
const OWN = ['model', 'input', 'messages', 'prompt', 'image', 'mask', 'stream', 'stream_options', 'background', 'n'];

/** Of every job of the family. */
export const common = { if_lost: ifLost('OPENAI_IF_LOST'), extra_body: extraBody(OWN) };

const format = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({
      type: z.literal('json_schema'),
      name: z.string().regex(/^[\w-]{1,64}$/, 'must be 1–64 letters, digits, "_" or "-"'),
      description: z.string().optional(),
      schema: z.record(z.string(), z.unknown()),
      strict: z.boolean().optional(),
    }),
  ],
  'must have a type: text, json_object or json_schema',
);

/** What text and vision jobs can set of how the model writes. */
export const writing = {
  model: model.describe('Name of the model; default: what the operator has set'),
  instructions: text.optional().describe('What the model is told before everything else'),
  max_output_tokens: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(10_000_000, 'must be at most 10000000')
    .optional()
    .describe('Longest answer, thinking included'),
  temperature: z.number().min(0, 'must be 0–2').max(2, 'must be 0–2').optional(),
  top_p: z.number().min(0, 'must be 0–1').max(1, 'must be 0–1').optional(),
  reasoning_effort: z
    .enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])
    .optional()
    .describe('How long a reasoning model thinks'),
  verbosity: z.enum(['low', 'medium', 'high']).optional(),
  format: format.optional().describe('Form of the answer: text, or JSON, also by a JSON schema'),
  service_tier: z.enum(['auto', 'default', 'flex', 'scale', 'priority']).optional(),
  store: z.boolean().optional().describe('Whether the service keeps the answer'),
  api: z
    .enum(['responses', 'chat'], 'must be responses or chat')
    .optional()
    .describe('Which API to use; default: OPENAI_API'),
  background: z
    .boolean()
    .optional()
    .describe('Run as a background response, which outlives a worker; needs the responses API and store'),
  stream: z.boolean().default(true).describe('Take the answer token by token'),
  ...common,
};

/** Combinations that cannot be, whatever the model. */
export function refuseContradictions(
  value: { api?: string; background?: boolean; store?: boolean },
  refuse: (path: string, message: string) => void,
): void {
  if (!value.background) return;
  if (value.api === 'chat') refuse('background', 'needs the responses API; leave out "api", or set it to responses');
  if (value.store === false) refuse('background', 'needs the response to be stored; leave out "store"');
}
