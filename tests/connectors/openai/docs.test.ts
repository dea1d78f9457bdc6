import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import {
  OpenAIImageConnector,
  OpenAITextConnector,
  OpenAIVisionConnector,
} from '../../../connectors/openai/connector.ts';
import { manifests } from '../../../connectors/openai/manifest.ts';
import { readPrices } from '../../../connectors/base/hosted/token-prices.ts';
import { OpenAiBench } from './harness.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const page = readFileSync(join(ROOT, 'docs/connectors/openai.md'), 'utf8');
const jobs = [...page.matchAll(/<<'JOB'\n([^]*?)\nJOB\n/g)].map(
  ([, text]) => JSON.parse(text ?? '') as { service: string; payload: { model: string } },
);
const classes = {
  'openai-text': OpenAITextConnector,
  'openai-vision': OpenAIVisionConnector,
  'openai-image': OpenAIImageConnector,
};
const bench = new OpenAiBench();

test('there are jobs to copy, of each service', () => {
  expect(new Set(jobs.map((job) => job.service))).toEqual(new Set(Object.keys(classes)));
});

const run = async ({ service, payload }: { service: string; payload: Record<string, unknown> }) => {
  const { payload: schema } = manifests.find((manifest) => manifest.service === service)!;
  const valid = schema.parse(payload);
  bench.state.models.push(String(payload['model']));
  const { outcome } = bench.start(bench.connector(classes[service as keyof typeof classes]), valid);
  expect((await outcome).status).toBe('completed');
  expect(bench.state.paidRequests).toBe(1);
};

test.each(jobs.map((job, index) => [index + 1, job] as const))('job %i of the page runs', async (_, job) => run(job));

test.each(manifests)('the example of $service runs', async ({ service, example }) =>
  run({ service, payload: example }),
);

test('every setting stands on the page, with its default', () => {
  for (const [name, template] of Object.entries(OpenAITextConnector.getRequiredEnvVars())) {
    const row = page.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${name}\``));
    expect(row).toBeDefined();
    const fallback = /:-(.*)\}$/.exec(template)?.[1];
    if (fallback) expect(row).toContain(`\`${fallback}\``);
  }
});

test('the price table of the page is one', () => {
  expect(() => readPrices(/```json\n([^]*?)```/.exec(page)?.[1] ?? '')).not.toThrow();
});
