import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { loadCatalog } from '../../platform/catalog/load-catalog.ts';
import { ConfigError } from '../../platform/config/config-error.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const manifest = (service: string, ...connectors: string[]): ServiceManifest => ({
  service,
  title: service,
  description: service,
  connectors,
  payload: z.record(z.string(), z.unknown()),
  inputs: [],
  example: {},
});

const manifests = [
  manifest('comfyui', 'ComfyLocalConnector', 'ComfyRemoteConnector'),
  manifest('openai-text', 'TextConnector'),
  manifest('echo', 'RestConnector'),
  manifest('speech', 'RestConnector'),
];
const connectors = { ComfyLocalConnector: {}, ComfyRemoteConnector: {}, TextConnector: {}, RestConnector: {} };
let folder: string;

beforeEach(async () => {
  folder = temporaryFolder();
  await writeFile(join(folder, 'pools.json'), '{"pools": {"small": {}, "large": {}}}');
});

async function load(document: unknown, env: NodeJS.ProcessEnv = {}) {
  await writeFile(join(folder, 'service-mapping.json'), JSON.stringify(document));
  return loadCatalog(folder, manifests, env);
}

async function problemsOf(document: unknown, env?: NodeJS.ProcessEnv): Promise<string[]> {
  const error = await load(document, env).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConfigError)) throw new Error('nothing was refused', { cause: error });
  return error.problems.map(({ name, problem, hint }) => `${name}: ${problem} | ${hint}`);
}

const service = (capability: unknown, connector: string) => ({ service: [{ capability, connector }] });
const workers = (entries: object) => ({ connectors, workers: entries });

describe('what is wrong with a mapping is named with key and fix', () => {
  test.each<[string, object, RegExp]>([
    [
      'a key that does not exist',
      workers({ w: { ...service('comfyui', 'ComfyLocalConnector'), resource_bindng: 'gpu' } }),
      /^workers\.w\.resource_bindng: is no known key \| did you mean resource_binding\?/,
    ],
    [
      'a key far from any',
      workers({ w: { service: [{ capability: 'comfyui', connector: 'TextConnector', colour: 'red' }] } }),
      /^workers\.w\.service\.0\.colour: is no known key \| there are: capability, connector, type$/,
    ],
    [
      'text for a number',
      workers({ w: { ...service('comfyui', 'ComfyLocalConnector'), max_concurrent_jobs: 'many' } }),
      /^workers\.w\.max_concurrent_jobs: must be a whole number from 1 to 1000, but is "many"/,
    ],
    [
      'a number for a list',
      workers({ w: { ...service('comfyui', 'ComfyLocalConnector'), pools: 3 } }),
      /^workers\.w\.pools: must be a list/,
    ],
    ['nothing where something must be', workers({ w: {} }), /^workers\.w\.service: is missing: it must be a list/],
    [
      'another type',
      workers({ w: { service: [{ capability: 'comfyui', connector: 'ComfyLocalConnector', type: 'extern' }] } }),
      /type: must be internal or external, but is "extern" \| did you mean external\?/,
    ],
    [
      'a capability that is no queue name',
      workers({ w: service(['comfyui', 'Comfy UI'], 'ComfyLocalConnector') }),
      /^workers\.w\.service\.0\.capability\.1: must be a capability name.*but is "Comfy UI"/,
    ],
    [
      'a connector nobody listed',
      workers({ w: service('comfyui', 'ComfyLocalConector') }),
      /connector: "ComfyLocalConector" is not under connectors \| add .*did you mean ComfyLocalConnector\?/,
    ],
    [
      'a listed connector that is not there',
      { connectors: { GhostConnector: {} }, workers: { w: service('ghost', 'GhostConnector') } },
      /connector: no connector class "GhostConnector" was found \| put its folder into connectors\//,
    ],
    [
      'a pool that does not exist',
      workers({ w: { ...service('comfyui', 'ComfyLocalConnector'), pools: ['smal'] } }),
      /^workers\.w\.pools\.0: there is no pool "smal" \| pools\.json: did you mean small\?/,
    ],
    [
      'a queue twice',
      workers({ a: service('comfyui', 'ComfyLocalConnector'), b: service('comfyui', 'ComfyLocalConnector') }),
      /^workers\.b\.service\.0\.capability: ComfyLocalConnector serves the queue small\.comfyui already, by workers\.a\.service\.0\.capability \| remove one/,
    ],
    [
      'a name twice in a list',
      workers({ a: service(['comfyui', 'comfyui'], 'ComfyLocalConnector') }),
      /^workers\.a\.service\.0\.capability\.1: .*already, by workers\.a\.service\.0\.capability\.0/,
    ],
    [
      'a pool twice',
      workers({ a: { ...service('comfyui', 'ComfyLocalConnector'), pools: ['small', 'small'] } }),
      /^workers\.a\.pools: names small twice/,
    ],
    [
      'a capability of another connector',
      workers({ a: service('comfyui', 'TextConnector') }),
      /^workers\.a\.service\.0\.capability: "comfyui" is the service of ComfyLocalConnector, ComfyRemoteConnector, whose jobs TextConnector does not know/,
    ],
    [
      'one name for two kinds of job',
      workers({ a: service('make', 'ComfyLocalConnector'), b: service('make', 'TextConnector') }),
      /^workers\.b\.service\.0\.capability: "make" is another kind of job here than for a/,
    ],
    [
      'a name of none of several services',
      workers({ a: service('ecko', 'RestConnector') }),
      /RestConnector does several services, and "ecko" is none of them \| did you mean echo\?/,
    ],
    [
      'a binding that does not exist',
      workers({ a: { ...service('comfyui', 'ComfyLocalConnector'), resource_binding: 'gup' } }),
      /^workers\.a\.resource_binding: there is no binding "gup" \| did you mean gpu\?.*"resource_bindings": \{"gup"/,
    ],
    [
      'a binding that is built in',
      { ...workers({}), resource_bindings: { gpu: {} } },
      /^resource_bindings\.gpu: is built in/,
    ],
    [
      'a bad worker name',
      workers({ 'a b': service('comfyui', 'ComfyLocalConnector') }),
      /^workers\.a b: is no worker name/,
    ],
    ['a list instead of an object', [], /^\(the whole file\): must be an object/],
  ])('%s', async (_, document, expected) => {
    expect((await problemsOf(document)).join('\n')).toMatch(new RegExp(expected.source, 'm'));
  });

  test('everything at once', async () => {
    const wrong = { max_concurrent_jobs: 0, timeout_seconds: true, ports: [1, 'x'], required_env: ['A B'], wrong: 1 };
    const names = (await problemsOf(workers({ w: { ...service('comfyui', 'TextConnector'), ...wrong } }))).map(
      (text) => text.split(':')[0],
    );
    expect(new Set(names)).toEqual(
      new Set(
        ['max_concurrent_jobs', 'ports.1', 'required_env.0', 'timeout_seconds', 'wrong'].map(
          (key) => `workers.w.${key}`,
        ),
      ),
    );
  });

  test('values out of the environment and values of secrets are not shown', async () => {
    const document = workers({
      w: {
        ...service('comfyui', 'ComfyLocalConnector'),
        timeout_seconds: '${TIMEOUT}',
        required_env: ['API_KEY=sk-written'],
        api_config: { timeout: '${API_KEY}', base_url: ['sk-in-list'] },
      },
    });
    const text = (await problemsOf(document, { TIMEOUT: 'sk-leaked', API_KEY: 'sk-leaked' })).join('\n');
    expect(text).toContain('workers.w.timeout_seconds: must be a number over 0, but "${TIMEOUT}" gives something else');
    expect(text).not.toMatch(/sk-/);
  });

  test('what is no JSON is named with its line', async () => {
    await writeFile(join(folder, 'service-mapping.json'), '{\n  "connectors": {},\n  "workers": {},,\n}');
    expect(() => loadCatalog(folder, manifests, {})).toThrow(/is not JSON: .*\(line 3, column 17\)/);
  });
});

describe('what a mapping may say', () => {
  test('several capabilities per worker, one under several names, others by other connectors', async () => {
    const catalog = await load({
      connectors,
      workers: {
        everything: {
          service: [
            { capability: ['comfyui', 'comfy'], connector: 'ComfyRemoteConnector', type: 'external' },
            { capability: 'openai-text', connector: 'TextConnector' },
            { capability: 'echo', connector: 'RestConnector' },
          ],
          pools: ['large', 'small'],
        },
        local: {
          service: [{ capability: 'comfyui', connector: 'ComfyLocalConnector', type: 'internal' }],
          pools: ['large'],
        },
      },
    });
    const routes = (name: string) =>
      catalog.services.get(name)?.routes.map(({ pool, connector, worker_id: id }) => [pool, connector, id]);
    expect(routes('comfyui')).toEqual([
      ['large', 'ComfyRemoteConnector', 'everything'],
      ['small', 'ComfyRemoteConnector', 'everything'],
      ['large', 'ComfyLocalConnector', 'local'],
    ]);
    expect(routes('comfy')).toHaveLength(2);
    // A service that no worker maps runs in the first pool.
    expect([...catalog.services.keys()].toSorted()).toEqual(['comfy', 'comfyui', 'echo', 'openai-text', 'speech']);
  });

  test('numbers may come out of the environment, in pools too', async () => {
    await writeFile(join(folder, 'pools.json'), '{"pools": {"small": {"max_concurrent_jobs": "${JOBS:-3}"}}}');
    const document = workers({
      w: {
        ...service('comfyui', 'ComfyLocalConnector'),
        ports: ['${PORT:-8188}', 9000],
        api_config: { timeout: '30' },
      },
    });
    const catalog = await load(document, { JOBS: '7' });
    expect(catalog.pools.get('small')?.max_concurrent_jobs).toBe(7);
    expect(catalog.workers.get('w')).toMatchObject({ ports: [8188, 9000], api_config: { timeout: 30 } });
  });

  test('what is switched off is passed over and known', async () => {
    const document = workers({
      comfy: service(['comfyui', 'comfy'], 'ComfyLocalConnector'),
      text: service('openai-text', 'TextConnector'),
    });
    await writeFile(join(folder, 'service-mapping.json'), JSON.stringify(document));
    const off = {
      connectors: new Map([['ComfyLocalConnector', 'comfyui']]),
      services: new Map([['comfyui', 'comfyui']]),
    };
    const { services, off: left } = loadCatalog(folder, manifests.slice(1), {}, off);
    expect([...services.keys()]).toEqual(['openai-text', 'echo', 'speech']);
    expect([...left]).toEqual([
      ['comfyui', 'comfyui'],
      ['comfy', 'comfyui'],
    ]);
  });
});
