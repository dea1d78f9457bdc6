import { runpodBackend } from '../../doubles/runpod/runpod-double.ts';
import { connectorContract } from '../contract/suite.ts';

connectorContract('runpod', {
  className: 'RunPodConnector',
  connectorClass: async () => (await import('../../../connectors/runpod/connector.ts')).RunPodConnector,
  manifest: async () => (await import('../../../connectors/runpod/manifest.ts')).manifests[0]!,
  env: (url) => ({
    RUNPOD_BASE_URL: url,
    RUNPOD_API_KEY: 'sk-double',
    RUNPOD_ENDPOINT_ID: 'abc123double',
    RUNPOD_POLL_SECONDS: '0.05',
    // A cancel waits two seconds for the answer to a submission: it may name what to cancel.
    RUNPOD_TIMEOUT_SECONDS: '4',
    RUNPOD_IDLE_TIMEOUT_SECONDS: '4',
    RUNPOD_HEALTH_CHECK_INTERVAL_SECONDS: '0',
  }),
  requiredEnv: ['RUNPOD_API_KEY', 'RUNPOD_ENDPOINT_ID'],
  double: runpodBackend,
  job: (marker) => ({ input: { prompt: `a ${marker} by the sea` } }),
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
    { payload: {}, pointer: '/payload/input' },
    { payload: { endpoint: 'nowhere', input: {} }, pointer: '/payload/endpoint' },
    { payload: { endpoint: 'https://api.runpod.ai/v2/abc', input: {} }, pointer: '/payload/endpoint' },
    { payload: { input: {}, execution_timeout: '10m', ttl: '5m' }, pointer: '/payload/ttl' },
    { payload: { input: { picture: 'file:/no/such/picture.png' } }, pointer: '/payload/input/picture' },
  ],
});
