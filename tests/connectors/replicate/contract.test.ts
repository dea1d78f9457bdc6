import { replicateBackend } from '../../doubles/replicate/replicate-double.ts';
import { connectorContract } from '../contract/suite.ts';

connectorContract('replicate', {
  className: 'ReplicateConnector',
  connectorClass: async () => (await import('../../../connectors/replicate/connector.ts')).ReplicateConnector,
  manifest: async () => (await import('../../../connectors/replicate/manifest.ts')).manifests[0]!,
  env: (url) => ({
    REPLICATE_BASE_URL: url,
    REPLICATE_API_TOKEN: 'sk-double',
    REPLICATE_POLL_SECONDS: '0.05',
    // A cancel waits two seconds for the answer to a submission: it may name what to cancel.
    REPLICATE_TIMEOUT_SECONDS: '4',
    REPLICATE_IDLE_TIMEOUT_SECONDS: '4',
    REPLICATE_HEALTH_CHECK_INTERVAL_SECONDS: '0',
  }),
  requiredEnv: ['REPLICATE_API_TOKEN'],
  double: replicateBackend,
  job: (marker) => ({ model: 'double/painter', input: { prompt: `a ${marker} by the sea` } }),
  supports: {
    progress: true,
    cancelWhileSubmitting: true,
    cancelWhileRunning: true,
    cancelWhileFinishing: true,
    reattach: true,
    lostAnswer: 'the id comes with the answer; when that is lost, the job ends instead of being paid twice',
    drop: true,
    hugeOutput: true,
    crash: true,
  },
  badPayloads: [
    { payload: { model: 'double/painter' }, pointer: '/payload/input' },
    { payload: { model: 'painter', input: {} }, pointer: '/payload/model' },
    { payload: { model: 'double/nowhere', input: { prompt: 'a boat' } }, pointer: '/payload/model' },
    { payload: { deployment: 'double/nowhere', input: { prompt: 'a boat' } }, pointer: '/payload/deployment' },
    { payload: { model: 'double/painter', input: {} }, pointer: '/payload/input/prompt' },
    { payload: { model: 'double/painter', input: { prompt: 'x', widht: 64 } }, pointer: '/payload/input/widht' },
    {
      payload: { model: 'double/painter', input: { prompt: 'a boat', width: 5_000 } },
      pointer: '/payload/input/width',
    },
    {
      payload: { model: 'double/painter', input: { prompt: 'a boat', image: 'file:/no/such/picture.png' } },
      pointer: '/payload/input/image',
    },
    {
      payload: { model: 'double/painter', input: { prompt: 'a' }, cancel_after: '1s' },
      pointer: '/payload/cancel_after',
    },
  ],
});
