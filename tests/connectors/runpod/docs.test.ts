import { expect } from '@jest/globals';
import { RunPodConnector } from '../../../connectors/runpod/connector.ts';
import { manifests } from '../../../connectors/runpod/manifest.ts';
import { RunPodDouble } from '../../doubles/runpod/runpod-double.ts';
import { docsPage } from '../base/hosted/docs-page.ts';
import { HostedBench } from '../base/hosted/hosted-bench.ts';

const bench = new HostedBench(() => RunPodDouble.start());

docsPage({
  page: 'runpod.md',
  manifests,
  variables: RunPodConnector.getRequiredEnvVars(),
  async run(_, payload) {
    if (payload['stream']) bench.double.handler = { yields: ['Because ', 'of ', 'the ', 'air.'] };
    const connector = bench.connector(RunPodConnector, { endpoint_id: 'abc123double' });
    expect((await bench.start(connector, payload).outcome).status).toBe('completed');
    expect(bench.state.paidRequests).toBe(1);
  },
});
