import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { manifests } from '../../../connectors/a1111/manifest.ts';
import { A1111_ENV } from '../../../connectors/a1111/settings.ts';
import { jobSchema } from '../../../contract/job.schema.ts';
import { loadCatalog } from '../../../platform/catalog/load-catalog.ts';
import { findManifests } from '../../../connectors/registry/load-manifests.ts';
import { A1111Bench } from './a1111-bench.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const PAGE = readFileSync(join(ROOT, 'docs', 'connectors', 'automatic1111.md'), 'utf8');
const JOBS = [...PAGE.matchAll(/<<'JOB'\n([^]*?)\nJOB\n/g)].map(([, text]) => JSON.parse(text ?? '') as unknown);
const SETTINGS = PAGE.slice(PAGE.indexOf('## Configuration'));
const bench = new A1111Bench();

async function runs(document: unknown) {
  const { payload, service } = jobSchema.parse(document);
  expect(['a1111', 'automatic']).toContain(service);
  const { outcome } = bench.attempt(manifests[0]!.payload.parse(payload));
  expect((await outcome).artifacts!.length).toBeGreaterThan(0);
}

describe('what the documentation says', () => {
  test('there are jobs to copy, by both names of the service', () => {
    expect(JOBS).toHaveLength(3);
    expect(new Set(JOBS.map((job) => (job as { service: string }).service))).toEqual(new Set(['a1111', 'automatic']));
  });

  test.each(JOBS.map((job, index) => [index + 1, job] as const))(
    'job %i of the page runs as it stands',
    async (_, job) => {
      await runs(job);
    },
  );

  test("the manifest's example runs", async () => {
    await runs({ service: 'a1111', payload: manifests[0]!.example });
  });

  test('every variable has its line, with its default', () => {
    for (const [variable, template] of Object.entries(A1111_ENV)) {
      const row = SETTINGS.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${variable}\``));
      expect({ variable, row }).toEqual({ variable, row: expect.any(String) });
      const fallback = /:-(.*)\}$/.exec(template)?.[1];
      if (fallback) expect(row).toContain(`\`${fallback}\``);
    }
  });

  test('the template of the environment names nothing else', () => {
    const template = readFileSync(join(ROOT, '.env.a1111.example'), 'utf8');
    const names = [...template.matchAll(/^#?(A1111_\w+)=/gm)].map(([, name]) => name);
    expect(names).toContain('A1111_URL');
    for (const name of names) expect(Object.keys(A1111_ENV)).toContain(name);
  });

  test('the mapping serves both names, near and far', async () => {
    const { found } = await findManifests([join(ROOT, 'connectors')], join(ROOT, 'config'));
    const { services } = loadCatalog(
      join(ROOT, 'config'),
      found.map(({ manifest }) => manifest),
      {},
    );
    for (const name of ['a1111', 'automatic']) {
      const routes = services.get(name)!.routes;
      expect(routes.map(({ pool, connector }) => [pool, connector])).toEqual([
        ['standard', 'A1111RemoteConnector'],
        ['heavy', 'A1111LocalConnector'],
      ]);
      for (const route of routes) expect(route).toMatchObject({ required_env: ['A1111_URL'], max_concurrent_jobs: 1 });
    }
  });
});
