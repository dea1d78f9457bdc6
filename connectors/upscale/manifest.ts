import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { payloadSchema } from './payload.schema.ts';

export const manifests: ServiceManifest[] = [
  {
    service: 'upscale',
    title: 'Upscale a picture',
    description:
      'Makes a picture 2, 3, 4 or 8 times larger with a super-resolution network (ESRGAN slim) on the CPU; ' +
      'at 8 times the network does 4 and Lanczos the rest. ' +
      'Tile by tile: a job that lost its worker goes on from the finished tiles. Transparency is kept.',
    connectors: ['UpscaleConnector'],
    payload: payloadSchema,
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
