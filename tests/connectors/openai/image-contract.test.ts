import { openAiBackend } from '../../doubles/openai/openai-backend.ts';
import { connectorContract } from '../contract/suite.ts';
import { AT_ONCE, environment } from './subjects.ts';

connectorContract('openai-image', {
  className: 'OpenAIImageConnector',
  connectorClass: async () => (await import('../../../connectors/openai/connector.ts')).OpenAIImageConnector,
  manifest: async () => (await import('../../../connectors/openai/manifest.ts')).manifests[2]!,
  env: (url) => environment(url),
  requiredEnv: ['OPENAI_API_KEY'],
  double: () => openAiBackend('generations'),
  job: (marker) => ({ model: 'gpt-image-double', prompt: `a ${marker} by the sea` }),
  supports: AT_ONCE,
  badPayloads: [
    { payload: { model: 'dall-e-3', prompt: 'a boat', size: '640x480' }, pointer: '/payload/size' },
    { payload: { model: 'gpt-image-1', prompt: 'a boat', n: 11 }, pointer: '/payload/n' },
  ],
});
