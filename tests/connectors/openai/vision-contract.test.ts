import { openAiBackend } from '../../doubles/openai/openai-backend.ts';
import { connectorContract } from '../contract/suite.ts';
import { AT_ONCE, environment } from './subjects.ts';

/** 1 × 1 pixel. */
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

// Through chat completions: what servers other than OpenAI have.
connectorContract('openai-vision', {
  className: 'OpenAIVisionConnector',
  connectorClass: async () => (await import('../../../connectors/openai/connector.ts')).OpenAIVisionConnector,
  manifest: async () => (await import('../../../connectors/openai/manifest.ts')).manifests[1]!,
  env: (url) => environment(url),
  requiredEnv: ['OPENAI_API_KEY'],
  double: () => openAiBackend('chat'),
  job: (marker) => ({ model: 'gpt-double', image: PIXEL, question: `what is ${marker} here?` }),
  supports: AT_ONCE,
  badPayloads: [
    { payload: { model: 'gpt-double', question: 'what?' }, pointer: '/payload/image' },
    {
      payload: { model: 'gpt-double', image: 'data:text/plain;base64,aGVsbG8=', question: 'what?' },
      pointer: '/payload/image',
    },
  ],
});
