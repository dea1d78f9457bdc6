import { z } from 'zod';
import { model, reference, text } from '../base/hosted/fields.schema.ts';
import { common } from './common.schema.ts';
import { imageProblems } from './image-rules.ts';

export const imagePayload = z
  .strictObject({
    prompt: text.describe('What the picture shows, or how to change it'),
    model: model.describe('Name of the model; default: what the operator has set'),
    image: reference.optional().describe('A picture to change; without one a new picture is made'),
    images: z.array(reference).min(1).max(15, 'must have at most 15 entries').optional().describe('More pictures'),
    mask: reference.optional().describe('A png as large as the picture; it is changed where this is transparent'),
    n: z.int('must be a whole number').min(1, 'must be 1–10').max(10, 'must be 1–10').default(1).describe('Pictures'),
    size: z
      .string()
      .regex(/^(?:auto|[1-9]\d{1,4}x[1-9]\d{1,4})$/, 'must be auto or WIDTHxHEIGHT, e.g. 1024x1024')
      .optional(),
    quality: z.enum(['auto', 'low', 'medium', 'high', 'standard', 'hd']).optional(),
    background: z.enum(['auto', 'transparent', 'opaque'], 'must be auto, transparent or opaque').optional(),
    output_format: z.enum(['png', 'jpeg', 'webp'], 'must be png, jpeg or webp').optional(),
    output_compression: z.int().min(0, 'must be 0–100').max(100, 'must be 0–100').optional(),
    moderation: z.enum(['auto', 'low'], 'must be auto or low').optional(),
    input_fidelity: z.enum(['low', 'high'], 'must be low or high').optional(),
    style: z.enum(['vivid', 'natural'], 'must be vivid or natural').optional(),
    partial_images: z
      .int('must be a whole number')
      .min(0, 'must be 0–3')
      .max(3, 'must be 0–3')
      .default(0)
      .describe('Unfinished pictures to show on the way; each costs a little more'),
    ...common,
  })
  .superRefine((value, ctx) => {
    const refuse = (path: string, message: string) => ctx.addIssue({ code: 'custom', path: [path], message });
    const edits = value.image !== undefined;
    if (value.images && !edits) refuse('image', 'is missing: the first picture goes here');
    if (value.mask && !edits) refuse('mask', 'needs a picture to change');
    if (value.input_fidelity && !edits) refuse('input_fidelity', 'needs a picture to change');
    if (value.partial_images > 0 && value.n > 1) refuse('partial_images', 'come with one picture only: leave out n');
    if (value.background === 'transparent' && value.output_format === 'jpeg') {
      refuse('output_format', 'jpeg has no transparency; take png or webp');
    }
    if (value.output_compression !== undefined && !['jpeg', 'webp'].includes(value.output_format ?? '')) {
      refuse('output_compression', 'needs output_format jpeg or webp');
    }
    if (!value.model) return;
    for (const { field, problem } of imageProblems(value.model, value)) refuse(field, problem);
  });

export type ImagePayload = z.output<typeof imagePayload>;
