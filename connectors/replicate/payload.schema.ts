import { z } from 'zod';
import { extraBody, ifLost } from '../base/hosted/fields.schema.ts';
import { DEADLINE_HINT, isDeadline } from './deadline.ts';

const NAME = /^[\w.-]{1,100}\/[\w.-]{1,100}$/;
const MODEL = /^(?:[\w.-]{1,100}\/[\w.-]{1,100}(?::[0-9a-f]{64})?|[0-9a-f]{64})$/;

export const predictionPayload = z
  .strictObject({
    model: z
      .string()
      .regex(MODEL, 'must be owner/name, owner/name:version or a version of 64 hex digits')
      .optional()
      .describe('The model, with a version if it must be that one; default: what the operator has set'),
    deployment: z
      .string()
      .regex(NAME, 'must be owner/name')
      .optional()
      .describe('A deployment of your own, instead of a model'),
    input: z
      .record(z.string(), z.unknown())
      .describe('What the model takes; media references artifact:… and file:… may stand anywhere in it'),
    stream: z.boolean().default(true).describe('Take the tokens of a language model as they come'),
    cancel_after: z
      .union([z.string(), z.number()])
      .refine(isDeadline, DEADLINE_HINT)
      .optional()
      .describe('Replicate ends the prediction by itself after this time, the wait for its start included'),
    if_lost: ifLost('REPLICATE_IF_LOST'),
    extra_body: extraBody(['input', 'version', 'stream', 'webhook', 'webhook_events_filter']),
  })
  .superRefine((value, ctx) => {
    if (value.model === undefined || value.deployment === undefined) return;
    ctx.addIssue({ code: 'custom', path: ['deployment'], message: 'stands beside a model: give one of them' });
  });

export type PredictionPayload = z.output<typeof predictionPayload>;
