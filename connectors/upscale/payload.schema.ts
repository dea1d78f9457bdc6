import { z } from 'zod';
import { SCALES } from './scale.ts';

const QUALITY = 'must be a whole number from 1 to 100';

export const payloadSchema = z.strictObject({
  image: z.string().min(1, 'must name a picture').describe('The picture, png, jpeg or webp: a media reference'),
  scale: z
    .literal([...SCALES], 'must be 2, 3, 4 or 8')
    .default(4)
    .describe('How many times wider and higher'),
  format: z
    .enum(['png', 'jpeg', 'webp'], 'must be png, jpeg or webp')
    .optional()
    .describe('Format of the result; default: the format of the input'),
  quality: z
    .int(QUALITY)
    .min(1, QUALITY)
    .max(100, QUALITY)
    .optional()
    .describe('Quality of a jpeg or webp result, 1–100; default 90'),
});

/** Payload of an `upscale` job, defaults filled in. */
export type UpscalePayload = z.output<typeof payloadSchema>;
