import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { imagePayload } from './image-payload.schema.ts';
import { textPayload } from './text-payload.schema.ts';
import { visionPayload } from './vision-payload.schema.ts';

const PICTURES = ['image/png', 'image/jpeg', 'image/webp'];

export const manifests: ServiceManifest[] = [
  {
    service: 'openai-text',
    title: 'Text by OpenAI',
    description:
      'Answers a prompt or goes on with a conversation: OpenAI, or any server that speaks its protocol (vLLM, Ollama, ' +
      'LiteLLM). Tokens stream as they come; at OpenAI the response runs in the background and outlives a worker.',
    connectors: ['OpenAITextConnector'],
    payload: textPayload,
    inputs: [],
    example: { model: 'gpt-5-mini', prompt: 'Why is the sky blue? Two sentences.', max_output_tokens: 500 },
  },
  {
    service: 'openai-vision',
    title: 'Questions about pictures, by OpenAI',
    description: 'Looks at one picture or several and answers a question about them.',
    connectors: ['OpenAIVisionConnector'],
    payload: visionPayload,
    inputs: [
      { field: 'image', description: 'The picture to look at', mime: [...PICTURES, 'image/gif'], required: true },
    ],
    example: { model: 'gpt-5-mini', image: 'file:examples/harbour.png', question: 'What is in this picture?' },
  },
  {
    service: 'openai-image',
    title: 'Pictures by OpenAI',
    description: 'Makes pictures from a text, or changes a picture as a text says, with a mask if wanted.',
    connectors: ['OpenAIImageConnector'],
    payload: imagePayload,
    inputs: [
      { field: 'image', description: 'A picture to change', mime: PICTURES, required: false },
      {
        field: 'mask',
        description: 'Where it is transparent, the picture is changed',
        mime: ['image/png'],
        required: false,
      },
    ],
    example: { model: 'gpt-image-1-mini', prompt: 'A switchyard at night, seen from above', quality: 'low' },
  },
];
