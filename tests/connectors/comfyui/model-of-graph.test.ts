import { expect, test } from '@jest/globals';
import { manifests } from '../../../connectors/comfyui/manifest.ts';

const loader = (inputs: object) => ({ class_type: 'Loader', inputs });

test.each([
  [
    'a checkpoint',
    { workflow: { '3': loader({ seed: 1 }), '4': loader({ ckpt_name: 'a.safetensors' }) } },
    'a.safetensors',
  ],
  [
    'one given beside the graph',
    { workflow: { '4': loader({ ckpt_name: 'a' }) }, inputs: { '4.ckpt_name': 'b' } },
    'b',
  ],
  ['a diffusion model', { workflow: { '4': loader({ unet_name: 'flux' }) } }, 'flux'],
  ['a link instead of a name', { workflow: { '4': loader({ ckpt_name: ['9', 0] }) } }, undefined],
  ['a template', { template: 'portrait' }, undefined],
])('the model of a graph: %s', (_, payload, model) => {
  expect(manifests[0]!.modelOf!(payload)).toBe(model);
});
