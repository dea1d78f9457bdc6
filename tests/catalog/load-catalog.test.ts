import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadCatalog } from '../../platform/catalog/load-catalog.ts';
import { scriptedManifest } from '../harness/in-process-stack.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-catalog-'));
  await write('pools.json', { pools: { small: {}, large: { max_concurrent_jobs: 1 } } });
  await write('service-mapping.json', mapping({}));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (name: string, content: unknown) =>
  writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));

function mapping(worker: object, service: object = {}) {
  return {
    connectors: { ScriptedConnector: {} },
    workers: {
      scripted: { service: [{ capability: 'scripted', connector: 'ScriptedConnector', ...service }], ...worker },
    },
  };
}

const load = (env: NodeJS.ProcessEnv = {}) => loadCatalog(folder, [scriptedManifest], env);

describe('the catalog', () => {
  test('joins mapping, pools and manifests; a pool more is a line of configuration', async () => {
    await write('pools.json', { pools: { small: {}, large: {}, night: {} } });
    await write('service-mapping.json', mapping({ pools: ['night', 'small'], max_concurrent_jobs: '${LIMIT:-3}' }));
    const routes = load({ LIMIT: '7' }).services.get('scripted')!.routes;
    expect(routes.map((r) => [r.pool, r.max_concurrent_jobs])).toEqual([
      ['night', 7],
      ['small', 7],
    ]);
    expect(load().services.get('scripted')!.routes[0]!.max_concurrent_jobs).toBe(3);
  });

  test('one capability under several names', async () => {
    await write('service-mapping.json', mapping({}, { capability: ['scripted', 'acted'] }));
    expect([...load().services.keys()]).toEqual(['scripted', 'acted']);
  });

  test('a connector that is found but not mapped works in the first pool', async () => {
    await write('service-mapping.json', { connectors: {}, workers: {} });
    expect(load().services.get('scripted')!.routes).toEqual([
      { pool: 'small', capability: 'scripted', connector: 'ScriptedConnector' },
    ]);
  });

  test('what is wrong with both files is told at once', async () => {
    await write('pools.json', { pools: { small: { max_concurrent_jobs: 'many' } } });
    await rm(join(folder, 'service-mapping.json'));
    expect(() => load()).toThrow(
      /pools\.json: pools\.small\.max_concurrent_jobs: must be(.|\n)*service-mapping\.json: cannot be read/,
    );
  });

  test.each<[string, () => Promise<void>, RegExp]>([
    ['a missing file', () => rm(join(folder, 'service-mapping.json')), /cannot be read.*\n.*SWITCHYARD_CONFIG_DIR/],
    ['no JSON', () => write('pools.json', '{'), /pools.json: is not JSON/],
    [
      'a wrong type',
      () => write('pools.json', { pools: { small: { max_concurrent_jobs: 'many' } } }),
      /pools\.small\.max_concurrent_jobs/,
    ],
    ['an unknown key', () => write('service-mapping.json', mapping({ colour: 1 })), /workers\.scripted.*colour/s],
    [
      'an unknown pool',
      () => write('service-mapping.json', mapping({ pools: ['moon'] })),
      /workers\.scripted\.pools\.0: there is no pool "moon"\n.*small, large/,
    ],
    [
      'an unlisted connector',
      () => write('service-mapping.json', mapping({}, { connector: 'X' })),
      /workers\.scripted\.service\.0\.connector: "X" is not under connectors/,
    ],
    ['no pools', () => write('pools.json', { pools: {} }), /at least one pool/],
  ])('%s is named', async (_, spoil, message) => {
    await spoil();
    expect(() => load()).toThrow(message);
  });
});
