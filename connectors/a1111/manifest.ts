import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { a1111Payload } from './payload.schema.ts';

const PICTURES = ['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/bmp', 'image/tiff'];

export const manifests: ServiceManifest[] = [
  {
    service: 'a1111',
    title: 'Automatic1111',
    description:
      'Stable Diffusion by the web UI of AUTOMATIC1111 and its forks: pictures from words, from pictures and words, with ' +
      'scripts and extensions, in batches; upscaling and face restoration of finished ones (extras). Models, samplers, ' +
      'scripts and sizes are checked before anything is sent; progress and unfinished pictures come on the way.',
    connectors: ['A1111Connector', 'A1111LocalConnector', 'A1111RemoteConnector', 'A1111CloudConnector'],
    payload: a1111Payload,
    modelOf: ({ model }) => (typeof model === 'string' ? model : undefined),
    inputs: [
      {
        field: 'image',
        description: 'The picture to start from (img2img), or to work on (extras)',
        mime: PICTURES,
        required: false,
      },
      { field: 'mask', description: 'Inpainting: white is painted anew', mime: PICTURES, required: false },
    ],
    example: {
      prompt: 'a switchyard at night, seen from above, long exposure',
      negative_prompt: 'blurry',
      steps: 20,
      width: 512,
      height: 512,
    },
  },
];
