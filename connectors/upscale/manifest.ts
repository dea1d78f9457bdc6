import { z } from 'zod';
import type { ServiceManifest } from '../../contract/service-manifest.ts';

const payload = z.strictObject({
  image: z.string().min(1, 'must name a picture').describe('The picture, png, jpeg or webp: a media reference'),
  scale: z.literal([2, 3, 4, 8], 'must be 2, 3, 4 or 8').default(4).describe('How many times wider and higher'),
  format: z
    .enum(['png', 'jpeg', 'webp'], 'must be png, jpeg or webp')
    .optional()
    .describe('Format of the result; default: the format of the input'),
  quality: z
    .int('must be a whole number from 1 to 100')
    .min(1, 'must be a whole number from 1 to 100')
    .max(100, 'must be a whole number from 1 to 100')
    .optional()
    .describe('Quality of a jpeg or webp result, 1–100; default 90'),
});

/** Payload of an `upscale` job, defaults filled in. */
export type UpscalePayload = z.output<typeof payload>;

export const manifests: ServiceManifest[] = [
  {
    service: 'upscale',
    title: 'Upscale a picture',
    description:
      'Makes a picture 2, 3, 4 or 8 times larger with a super-resolution network (ESRGAN slim) on the CPU. ' +
      'Tile by tile: a job that lost its worker goes on from the finished tiles. Transparency is kept.',
    connectors: ['UpscaleConnector'],
    payload,
    inputs: [
      {
        field: 'image',
        description: 'The picture to enlarge',
        mime: ['image/png', 'image/jpeg', 'image/webp'],
        required: true,
      },
    ],
    example: { image: 'file:examples/harbour.png', scale: 2 },
  },
];
