import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { modelOfGraph } from './model-of-graph.ts';
import { comfyuiPayload } from './payload.schema.ts';

export const manifests: ServiceManifest[] = [
  {
    service: 'comfyui',
    title: 'ComfyUI',
    description:
      'Runs a node graph on a ComfyUI server: pictures, video, audio, text and 3D. Give a graph in API format with ' +
      'values for its inputs, or the name of a template with parameters. Files are uploaded, progress covers the ' +
      'whole graph, a job that lost its worker is found again on the server.',
    connectors: [
      'ComfyUIConnector',
      'ComfyUIWebSocketConnector',
      'ComfyUILocalConnector',
      'ComfyUIRemoteConnector',
      'ComfyUIV2Connector',
      'ComfyUIInstancesConnector',
    ],
    payload: comfyuiPayload,
    modelOf: modelOfGraph,
    inputs: [],
    example: {
      workflow: {
        '1': { class_type: 'EmptyImage', inputs: { width: 256, height: 192, batch_size: 1, color: 3_368_601 } },
        '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
        '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'switchyard' } },
      },
    },
  },
];
