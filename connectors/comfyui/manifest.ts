import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { comfyuiPayload } from './payload.schema.ts';

/** Inputs that name the large part of what a graph loads, the most usual first. ComfyUI's own loader nodes. */
const MODEL_INPUTS = ['ckpt_name', 'unet_name'];

/** The checkpoint or diffusion model that the graph of a payload loads; undefined for a template, or for none. */
function modelOfGraph({ workflow, inputs }: Record<string, unknown>): string | undefined {
  const nodes = Object.entries((workflow ?? {}) as Record<string, { inputs?: Record<string, unknown> } | undefined>);
  const given = (inputs ?? {}) as Record<string, unknown>;
  for (const name of MODEL_INPUTS) {
    for (const [id, node] of nodes) {
      const value = given[`${id}.${name}`] ?? node?.inputs?.[name];
      if (typeof value === 'string') return value;
    }
  }
  return undefined;
}

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
