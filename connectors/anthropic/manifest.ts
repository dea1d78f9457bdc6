import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { messagePayload } from './payload.schema.ts';

export const manifests: ServiceManifest[] = [
  {
    service: 'anthropic',
    title: 'Text by Anthropic',
    description:
      'Answers a prompt, with pictures if wanted, or goes on with a conversation: Claude, or any server that speaks ' +
      "Anthropic's protocol. Tokens stream as they come.",
    connectors: ['AnthropicConnector'],
    payload: messagePayload,
    inputs: [
      {
        field: 'image',
        description: 'A picture that goes with the prompt',
        mime: ['image/png', 'image/jpeg', 'image/webp', 'image/gif'],
        required: false,
      },
    ],
    example: { model: 'claude-haiku-4-5', prompt: 'Why is the sky blue? Two sentences.', max_tokens: 500 },
  },
];
