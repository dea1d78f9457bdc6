import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { simulationPayload } from './payload.schema.ts';

export const manifests: ServiceManifest[] = [
  {
    service: 'simulation',
    title: 'Simulated work',
    description:
      'Pretends to work: for a time, with progress, failures, outputs, memory use and bad manners to order. ' +
      'For trying out Switchyard, for tests and for load.',
    connectors: ['SimulationConnector'],
    payload: simulationPayload,
    inputs: [],
    example: { duration: '2s', steps: 20, artifacts: [{ name: 'noise.png', bytes: 20_000, kind: 'png' }] },
  },
];
