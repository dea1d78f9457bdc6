import { z } from 'zod';
import { reference, text } from '../base/hosted/fields.schema.ts';
import { detail, refuseContradictions, writing } from './common.schema.ts';

export const visionPayload = z
  .strictObject({
    image: reference.describe('The picture: png, jpeg, webp or gif'),
    images: z.array(reference).max(49, 'must have at most 49 entries').optional().describe('More pictures'),
    question: text.describe('What is asked about it'),
    detail: detail.default('auto'),
    ...writing,
  })
  .superRefine((value, ctx) => {
    refuseContradictions(value, (path, message) => ctx.addIssue({ code: 'custom', path: [path], message }));
  });

export type VisionPayload = z.output<typeof visionPayload>;
