import { expect } from '@jest/globals';
import {
  OpenAIImageConnector,
  OpenAITextConnector,
  OpenAIVisionConnector,
} from '../../../connectors/openai/connector.ts';
import { manifests } from '../../../connectors/openai/manifest.ts';
import { docsPage } from '../base/hosted/docs-page.ts';
import { OpenAiBench } from './openai-bench.ts';

const classes = new Map<
  string,
  typeof OpenAITextConnector | typeof OpenAIVisionConnector | typeof OpenAIImageConnector
>([
  ['openai-text', OpenAITextConnector],
  ['openai-vision', OpenAIVisionConnector],
  ['openai-image', OpenAIImageConnector],
]);
const bench = new OpenAiBench();

docsPage({
  page: 'openai.md',
  manifests,
  variables: OpenAITextConnector.getRequiredEnvVars(),
  async run(service, payload) {
    bench.state.models.push(String(payload['model']));
    const { outcome } = bench.start(bench.connector(classes.get(service)!), payload);
    expect((await outcome).status).toBe('completed');
    expect(bench.state.paidRequests).toBe(1);
  },
});
