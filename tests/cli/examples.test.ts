import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadCatalog } from '../../platform/catalog/load-catalog.ts';
import { planJob } from '../../platform/routing/plan-job.ts';
import { loadManifests } from '../../connectors/registry/load-manifests.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, 'examples', 'jobs');
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));

describe('the example jobs', () => {
  test('are there', () => {
    expect(files.length).toBeGreaterThanOrEqual(5);
  });

  test.each(files)('%s is a job that is taken', async (name) => {
    const { manifests } = await loadManifests([join(root, 'connectors')]);
    const catalog = loadCatalog(join(root, 'config'), manifests, {});
    const options = { artifactRetention: 86_400_000, heartbeatTimeout: 10_000, maxPayloadBytes: 262_144 };
    const document: unknown = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const { plan } = planJob(document, catalog, options, Date.now());
    expect(plan.needs !== undefined).toBe(name === 'simulation-requirements.json');
  });
});
