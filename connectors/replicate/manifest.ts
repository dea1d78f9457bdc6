import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { predictionPayload } from './payload.schema.ts';

export const manifests: ServiceManifest[] = [
  {
    service: 'replicate',
    title: 'Models at Replicate',
    description:
      'Runs any model or deployment at Replicate: pictures, video, sound, text. Input is checked against the ' +
      "model's own schema, files come into the artifact store, and a worker's death costs nothing.",
    connectors: ['ReplicateConnector'],
    payload: predictionPayload,
    inputs: [],
    example: { model: 'black-forest-labs/flux-schnell', input: { prompt: 'A switchyard at night, seen from above' } },
  },
];
