import { ComfyContractDouble, contractGraph } from '../../doubles/comfyui/contract-double.ts';
import { connectorContract } from '../contract/suite.ts';
import type { ContractSubject } from '../contract/subject.ts';

/** The classes that differ in what they watch: by the socket, and by polling alone. */
const CLASSES = ['ComfyUIRemoteConnector', 'ComfyUIConnector'] as const;

for (const className of CLASSES) {
  const subject: ContractSubject = {
    className,
    connectorClass: async () => (await import('../../../connectors/comfyui/connector.ts'))[className],
    manifest: async () => (await import('../../../connectors/comfyui/manifest.ts')).manifests[0]!,
    env: (url) => ({
      COMFYUI_URL: url,
      COMFYUI_TIMEOUT_SECONDS: '1',
      COMFYUI_OUTAGE_SECONDS: '0.5',
      COMFYUI_POLL_SECONDS: '0.2',
    }),
    requiredEnv: ['COMFYUI_URL'],
    double: () => ComfyContractDouble.start(),
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
      { payload: { template: '../secrets' }, pointer: '/payload/template' },
      {
        payload: { workflow: { '1': { class_type: 'NoSuchNode', inputs: {} } } },
        pointer: '/payload/workflow/1',
      },
    ],
  };
  connectorContract(className, subject);
}
