import { existsSync } from 'node:fs';
import { z } from 'zod';

const share = z.coerce.number('must be a number').min(0, 'must be 0–1').max(1, 'must be 0–1');

const watermark = z.strictObject({
  image: z
    .string()
    .min(1)
    .refine((path) => existsSync(path), 'names a file that does not exist')
    .describe('Path of a picture, best a png with transparency'),
  position: z.enum(['southeast', 'southwest', 'northeast', 'northwest', 'center']).default('southeast'),
  opacity: share.default(0.6),
  width: share.default(0.2).describe("Of the picture's width"),
  margin: share.default(0.02).describe("Of the picture's width"),
});

export const stampOptions = z
  .strictObject({
    metadata: z
      .partialRecord(z.enum(['artist', 'copyright', 'description', 'software']), z.string().max(2_000))
      .optional()
      .describe('Texts for the EXIF data; {job_id}, {service}, {connector}, {tenant}, {date} are filled in'),
    watermark: watermark.optional(),
    quality: z.coerce
      .number()
      .int()
      .min(1)
      .max(100)
      .default(92)
      .describe('Of jpeg and webp pictures, which are encoded again'),
    max_pixels: z.coerce.number().int().min(1).default(100_000_000).describe('Larger pictures are an error'),
  })
  .refine((value) => value.metadata ?? value.watermark, 'must have metadata or watermark');

export type StampOptions = z.output<typeof stampOptions>;
