import { contractGraph } from '../../doubles/comfyui/contract-double.ts';
import { V2ContractDouble } from '../../doubles/comfyui/v2-contract-double.ts';
import { connectorContract } from '../contract/suite.ts';

connectorContract('ComfyUIV2Connector', {
  className: 'ComfyUIV2Connector',
  connectorClass: async () => (await import('../../../connectors/comfyui/connector.ts')).ComfyUIV2Connector,
  manifest: async () => (await import('../../../connectors/comfyui/manifest.ts')).manifests[0]!,
  env: (url) => ({
    COMFYUI_URL: url,
    COMFYUI_TIMEOUT_SECONDS: '1',
    COMFYUI_OUTAGE_SECONDS: '0.5',
    COMFYUI_POLL_SECONDS: '0.2',
  }),
  requiredEnv: ['COMFYUI_URL'],
  double: () => V2ContractDouble.start(),
  job: contractGraph,
  supports: {
    progress: true,
    cancelWhileSubmitting: true,
    cancelWhileRunning: true,
    cancelWhileFinishing: true,
    reattach: true,
    lostAnswer: true,
    drop: true,
    hugeOutput: true,
    crash: true,
  },
  badPayloads: [
    { payload: { workflow: { nodes: [], links: [] } }, pointer: '/payload/workflow' },
    { payload: {}, pointer: '/payload/workflow' },
  ],
});
