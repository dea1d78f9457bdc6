import { anthropicBackend } from '../../doubles/anthropic/anthropic-double.ts';
import { connectorContract } from '../contract/suite.ts';

const NO_ID = 'the API gives no id to come back with; a lost answer ends the job instead of being paid twice';

connectorContract('anthropic', {
  className: 'AnthropicConnector',
  connectorClass: async () => (await import('../../../connectors/anthropic/connector.ts')).AnthropicConnector,
  manifest: async () => (await import('../../../connectors/anthropic/manifest.ts')).manifests[0]!,
  env: (url) => ({
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: 'sk-double',
    ANTHROPIC_TIMEOUT_SECONDS: '2',
    ANTHROPIC_IDLE_TIMEOUT_SECONDS: '2',
    // The cap of the workers in the contract, in MiB.
    ANTHROPIC_MAX_RESPONSE_MB: String(1_000_000 / 1_048_576),
    ANTHROPIC_HEALTH_CHECK_INTERVAL_SECONDS: '0',
  }),
  requiredEnv: ['ANTHROPIC_API_KEY'],
  double: anthropicBackend,
  job: (marker) => ({ model: 'claude-double', prompt: `say that again: ${marker}`, max_tokens: 1_000 }),
  supports: {
    progress: true,
    cancelWhileSubmitting: true,
    cancelWhileRunning: true,
    cancelWhileFinishing: true,
    reattach: NO_ID,
    lostAnswer: NO_ID,
    drop: NO_ID,
    hugeOutput: true,
    crash: NO_ID,
  },
  badPayloads: [
    { payload: { model: 'claude-double' }, pointer: '/payload/prompt' },
    { payload: { model: 'claude-nowhere', prompt: 'hello' }, pointer: '/payload/model' },
    { payload: { model: 'claude-double', prompt: 'hello', temperature: 2 }, pointer: '/payload/temperature' },
  ],
});
