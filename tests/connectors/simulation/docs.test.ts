import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { SimulationConnector } from '../../../connectors/simulation/connector.ts';
import { manifests } from '../../../connectors/simulation/manifest.ts';
import { simulationPayload } from '../../../connectors/simulation/payload.schema.ts';
import { SIMULATION_ENV } from '../../../connectors/simulation/settings.ts';
import { jobSchema } from '../../../contract/job.schema.ts';
import { contextFor, jobOf, type TestContext } from '../harness.ts';

const PAGE = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'connectors', 'simulation.md'), 'utf8');
const documents = [
  ...[...PAGE.matchAll(/<<'JOB'\n([\s\S]*?)\nJOB\n/g)].map((match) => match[1]!),
  ...[...PAGE.matchAll(/```json\n([\s\S]*?)\n```/g)].map((match) => match[1]!),
];
const contexts: TestContext[] = [];

afterEach(async () => {
  for (const context of contexts.splice(0)) await context.remove();
});

async function run(document: unknown) {
  const { service, payload, retry } = jobSchema.parse(document);
  expect(service).toBe(manifests[0]!.service);
  const connector = new SimulationConnector('docs', { health_check_interval_seconds: 0 });
  try {
    for (let attempt = 1; ; attempt++) {
      const context = contextFor({ attempt });
      contexts.push(context);
      try {
        // The page's jobs take seconds so that somebody can watch them.
        return await connector.processJob(jobOf({ ...payload, duration: 10 }, { type: service }), () => {}, context);
      } catch (error) {
        if (attempt >= (retry?.max_attempts ?? 1)) throw error;
      }
    }
  } finally {
    await connector.cleanup();
  }
}

describe('what the documentation says', () => {
  test('the jobs on the page run as they stand', async () => {
    expect(documents).toHaveLength(3);
    const [first] = await Promise.all(documents.map((text) => run(JSON.parse(text))));
    expect(first).toMatchObject({ result: { answer: 42 }, artifacts: [{ name: 'noise.png', mime: 'image/png' }] });
  });

  test("the manifest's example runs", async () => {
    expect((await run({ service: 'simulation', payload: manifests[0]!.example })).artifacts).toHaveLength(1);
  });

  test('every field and every variable has its line', () => {
    for (const field of Object.keys(simulationPayload.shape)) expect(PAGE).toContain(`| \`${field}\` |`);
    for (const name of Object.keys(SIMULATION_ENV)) expect(PAGE).toContain(`\`${name}\``);
  });
});
