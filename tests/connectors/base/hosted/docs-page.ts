import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readPrices } from '../../../../connectors/base/hosted/token-prices.ts';
import type { ServiceManifest } from '../../../../contract/service-manifest.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..', '..');

interface DocsOptions {
  /** File name in docs/connectors. */
  page: string;
  manifests: ServiceManifest[];
  /** What the connectors declare. */
  variables: Record<string, string>;
  /** Runs a job with a valid payload to its end. */
  run: (service: string, payload: Record<string, unknown>) => Promise<void>;
}

/** What a page of hosted models promises: jobs to copy that run, all settings, a price table. */
export function docsPage({ page: name, manifests, variables, run }: DocsOptions): void {
  const page = readFileSync(join(ROOT, 'docs/connectors', name), 'utf8');
  const jobs = [...page.matchAll(/<<'JOB'\n([^]*?)\nJOB\n/g)].map(
    ([, text]) => JSON.parse(text ?? '') as { service: string; payload: Record<string, unknown> },
  );
  const runValid = (service: string, payload: Record<string, unknown>) => {
    const { payload: schema } = manifests.find((manifest) => manifest.service === service)!;
    return run(service, schema.parse(payload));
  };

  test('there are jobs to copy, of each service', () => {
    expect(new Set(jobs.map((job) => job.service))).toEqual(new Set(manifests.map((manifest) => manifest.service)));
  });

  test.each(jobs.map((job, index) => [index + 1, job] as const))('job %i of the page runs', async (_, job) => {
    await runValid(job.service, job.payload);
  });

  test.each(manifests)('the example of $service runs', async ({ service, example }) => {
    await runValid(service, example);
  });

  test('every setting stands on the page, with its default', () => {
    for (const [variable, template] of Object.entries(variables)) {
      const row = page.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${variable}\``));
      expect(row).toBeDefined();
      const fallback = /:-(.*)\}$/.exec(template)?.[1];
      if (fallback) expect(row).toContain(`\`${fallback}\``);
    }
  });

  test('the price table of the page is one', () => {
    expect(() => readPrices(/```json\n([^]*?)```/.exec(page)?.[1] ?? '')).not.toThrow();
  });
}
