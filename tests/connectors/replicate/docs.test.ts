import { expect } from '@jest/globals';
import { ReplicateConnector } from '../../../connectors/replicate/connector.ts';
import { manifests } from '../../../connectors/replicate/manifest.ts';
import { ReplicateDouble } from '../../doubles/replicate/replicate-double.ts';
import { docsPage } from '../base/hosted/docs-page.ts';
import { HostedBench } from '../base/hosted/hosted-bench.ts';

const bench = new HostedBench(() => ReplicateDouble.start());

docsPage({
  page: 'replicate.md',
  manifests,
  variables: ReplicateConnector.getRequiredEnvVars(),
  async run(_, payload) {
    bench.state.models.push(String(payload['model']));
    // The schema of the double's own model.
    const input = { prompt: 'a boat', ...(payload['input'] as object) };
    const { outcome } = bench.start(bench.connector(ReplicateConnector), { ...payload, input });
    expect((await outcome).status).toBe('completed');
    expect(bench.state.paidRequests).toBe(1);
  },
});
