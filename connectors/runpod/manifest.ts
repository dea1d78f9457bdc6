import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { runPayload } from './payload.schema.ts';

export const manifests: ServiceManifest[] = [
  {
    service: 'runpod',
    title: 'Serverless endpoints at RunPod',
    description:
      'Runs a job on a queue-based serverless endpoint: a ComfyUI worker, vLLM, or a handler of your own. Files of the ' +
      "answer come into the artifact store, and a worker's death costs nothing.",
    connectors: ['RunPodConnector'],
    payload: runPayload,
    inputs: [],
    example: { input: { prompt: 'A switchyard at night, seen from above' } },
  },
];
