import { a1111Backend } from '../../doubles/a1111/a1111-backend.ts';
import type { ContractSubject, Supports } from '../contract/subject.ts';
import { connectorContract } from '../contract/suite.ts';

const QUEUE = 'the server cannot take a task out of its queue; it is stopped as soon as it comes up';
const NO_RESULT = 'the server gives a result only over the connection that asked for it: what is lost is made again';

const SUPPORTS: Supports = {
  progress: true,
  cancelWhileSubmitting: QUEUE,
  cancelWhileRunning: true,
  cancelWhileFinishing: true,
  reattach: NO_RESULT,
  lostAnswer: NO_RESULT,
  drop: NO_RESULT,
  hugeOutput: true,
  crash: NO_RESULT,
};

const subject = (
  className: 'A1111RemoteConnector' | 'A1111LocalConnector',
  variables: Record<string, string>,
): Omit<ContractSubject, 'supports'> => ({
  className,
  connectorClass: async () => (await import('../../../connectors/a1111/connector.ts'))[className],
  manifest: async () => (await import('../../../connectors/a1111/manifest.ts')).manifests[0]!,
  env: (url) => ({
    A1111_URL: url,
    A1111_POLL_SECONDS: '0.05',
    // The cap of the workers in the contract, in MiB.
    A1111_MAX_RESPONSE_MB: String(1_000_000 / 1_048_576),
    A1111_HEALTH_CHECK_INTERVAL_SECONDS: '0',
    ...variables,
  }),
  async impatient(connector) {
    const { timeout_seconds, outage_seconds } = connector.getConfiguration();
    await connector.updateConfiguration({ timeout_seconds: 0.5, outage_seconds: 0.5 });
    return () => connector.updateConfiguration({ timeout_seconds, outage_seconds });
  },
  requiredEnv: ['A1111_URL'],
  oneAtATime: true,
  double: a1111Backend,
  job: (marker) => ({ prompt: `a ${marker} by the sea`, steps: 6, width: 64, height: 64 }),
  badPayloads: [
    { payload: {}, pointer: '/payload/prompt' },
    { payload: { prompt: 'a boat', width: 500 }, pointer: '/payload/width' },
    { payload: { prompt: 'a boat', image: 'bare' }, pointer: '/payload/image' },
    { payload: { prompt: 'a boat', model: 'no-such-model' }, pointer: '/payload/model' },
    { payload: { prompt: 'a boat', sampler_name: 'Magic' }, pointer: '/payload/sampler_name' },
    { payload: { prompt: 'a boat', script_name: 'no such script' }, pointer: '/payload/script_name' },
  ],
});

connectorContract('A1111RemoteConnector', { ...subject('A1111RemoteConnector', {}), supports: SUPPORTS });

connectorContract('A1111LocalConnector, the server keeps files', {
  ...subject('A1111LocalConnector', { A1111_RECOVER: 'files' }),
  supports: { ...SUPPORTS, reattach: true, lostAnswer: true, drop: true, crash: true },
});
