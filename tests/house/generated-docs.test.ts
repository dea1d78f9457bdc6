import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ApiMetrics } from '../../api/metrics.ts';
import { createMachineMetrics } from '../../workers/machine/machine-metrics.ts';
import { createScalingMetrics } from '../../workers/scaling/scaling-metrics.ts';
import { createWorkerMetrics } from '../../workers/process/worker-metrics.ts';
import { ERROR_CODES } from '../../contract/errors.ts';
import * as poolSchemas from '../../platform/catalog/pools.schema.ts';
import * as scalingSchemas from '../../platform/scaling/policy.schema.ts';
import { serviceSchema } from '../../connectors/rest/service.schema.ts';
import * as mappingSchemas from '../../platform/catalog/service-mapping.schema.ts';
import { SETTINGS } from '../../platform/config/settings.ts';
import { ROOT } from './repository.ts';

type Pages = Record<string, string>;
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const rowKeys = (page: string): string[] => [...page.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '');

describe('pages made from code', () => {
  let pages: Pages;

  beforeAll(async () => {
    const generator = pathToFileURL(join(ROOT, 'scripts/generate-docs.mjs')).href;
    const { renderPages } = (await import(generator)) as { renderPages: (code: object) => Pages };
    pages = renderPages({
      ERROR_CODES,
      SETTINGS,
      ...poolSchemas,
      ...scalingSchemas,
      ...mappingSchemas,
      serviceSchema,
      ...{ ApiMetrics, createWorkerMetrics, createMachineMetrics, createScalingMetrics },
    });
  });

  test.each([
    'docs/configuration.md',
    'docs/errors.md',
    'docs/metrics.md',
    'docs/service-mapping.md',
    'config/schema/pools.json',
    'config/schema/service-mapping.json',
    'config/schema/rest-service.json',
  ])('%s is what the code says', (path) => {
    // Mend with: node scripts/generate-docs.mjs
    expect(read(path)).toBe(pages[path]);
  });

  test('docs/errors.md has a row for every code and no other', () => {
    expect(rowKeys(read('docs/errors.md')).toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted());
  });

  test('docs/configuration.md has a row for every setting and no other', () => {
    const page = read('docs/configuration.md').split('\n## Pools')[0] ?? '';
    expect(rowKeys(page).toSorted()).toEqual(
      Object.values(SETTINGS)
        .map((s) => s.env)
        .toSorted(),
    );
  });
});

test('every error code says what to do in one sentence', () => {
  for (const [code, entry] of Object.entries(ERROR_CODES)) {
    expect([code, entry.help]).toEqual([code, expect.stringMatching(/^[A-Z].{10,140}\.$/)]);
  }
});
