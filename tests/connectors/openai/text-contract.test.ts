import { openAiBackend } from '../../doubles/openai/openai-backend.ts';
import { connectorContract } from '../contract/suite.ts';
import { environment, IN_BACKGROUND } from './subjects.ts';

connectorContract('openai-text', {
  className: 'OpenAITextConnector',
  connectorClass: async () => (await import('../../../connectors/openai/connector.ts')).OpenAITextConnector,
  manifest: async () => (await import('../../../connectors/openai/manifest.ts')).manifests[0]!,
  // A cancel waits two seconds for the answer to a submission: it may name what to cancel.
  env: (url) => ({ ...environment(url, 4), OPENAI_API: 'responses', OPENAI_BACKGROUND: 'true' }),
  requiredEnv: ['OPENAI_API_KEY'],
  double: () => openAiBackend('responses'),
  job: (marker) => ({ model: 'gpt-double', prompt: `say that again: ${marker}` }),
  supports: IN_BACKGROUND,
  badPayloads: [
    { payload: { model: 'gpt-double' }, pointer: '/payload/prompt' },
    { payload: { model: 'gpt-nowhere', prompt: 'hello' }, pointer: '/payload/model' },
    { payload: { model: 'gpt-double', prompt: 'hello', temperature: 3 }, pointer: '/payload/temperature' },
    {
      payload: { model: 'gpt-double', prompt: 'hello', api: 'chat', background: true },
      pointer: '/payload/background',
    },
  ],
});
