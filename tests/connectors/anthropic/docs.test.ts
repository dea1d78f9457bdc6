import { expect } from '@jest/globals';
import { AnthropicConnector } from '../../../connectors/anthropic/connector.ts';
import { manifests } from '../../../connectors/anthropic/manifest.ts';
import { AnthropicDouble } from '../../doubles/anthropic/anthropic-double.ts';
import { docsPage } from '../base/hosted/docs-page.ts';
import { HostedBench } from '../base/hosted/hosted-bench.ts';

const bench = new HostedBench(() => AnthropicDouble.start());

docsPage({
  page: 'anthropic.md',
  manifests,
  variables: AnthropicConnector.getRequiredEnvVars(),
  async run(_, payload) {
    bench.state.models.push(String(payload['model']));
    const { outcome } = bench.start(bench.connector(AnthropicConnector), payload);
    expect((await outcome).status).toBe('completed');
    expect(bench.state.paidRequests).toBe(1);
  },
});
