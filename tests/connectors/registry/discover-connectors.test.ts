import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { discoverConnectors } from '../../../connectors/registry/discover-connectors.ts';
import { loadManifests } from '../../../connectors/registry/load-manifests.ts';

const builtIn = fileURLToPath(new URL('../../../connectors', import.meta.url));
const zod = import.meta.resolve('zod');
let dir: string;
let warnings: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchyard-connectors-'));
  warnings = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const logger = () => pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
const discover = (...dirs: string[]) => discoverConnectors(dirs.length > 0 ? dirs : [dir], logger());

async function put(name: string, text: string): Promise<string> {
  const file = join(dir, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}
const connector = (name: string, service: string) => `
  globalThis.loaded = [...(globalThis.loaded ?? []), ${JSON.stringify(name)}];
  export class ${name} { service_type = '${service}'; async processJob() {} }`;
const manifest = (service: string, ...connectors: string[]) => `
  import { z } from ${JSON.stringify(zod)};
  export const manifests = [{ service: '${service}', title: 'T', description: 'D', inputs: [], example: {},
    connectors: ${JSON.stringify(connectors)}, payload: z.strictObject({ a: z.number() }) }];`;
const loaded = () => (globalThis as { loaded?: string[] }).loaded ?? [];

describe('the connectors that come with Switchyard', () => {
  test('are found without complaint', async () => {
    const { manifests, connectors, problems } = await discover(builtIn);
    expect(problems).toEqual([]);
    expect(manifests.map(({ service }) => service)).toEqual(expect.arrayContaining(['simulation', 'upscale']));
    const Simulation = await connectors.get('SimulationConnector')!.load();
    expect(new Simulation().service_type).toBe('simulation');
  });
});

describe('a family folder', () => {
  test('is loaded only when asked for', async () => {
    await put('lazy/manifest.mjs', manifest('lazy', 'LazyConnector'));
    const file = await put('lazy/connector.mjs', connector('LazyConnector', 'lazy'));
    const { connectors, manifests } = await discover();
    expect(loaded()).not.toContain('LazyConnector');
    expect(manifests[0]?.payload.safeParse({ a: 1, b: 2 }).success).toBe(false);
    expect(connectors.get('LazyConnector')?.file).toBe(file);
    const Class = await connectors.get('LazyConnector')!.load();
    expect(new Class().service_type).toBe('lazy');
    expect(loaded()).toContain('LazyConnector');
  });

  test('that lacks one of its files is named, and hidden and common folders are none', async () => {
    await put('half/manifest.mjs', manifest('half', 'HalfConnector'));
    await put('other/connector.mjs', connector('OtherConnector', 'other'));
    for (const name of ['base', 'contract', 'registry', 'plugins', '.git', 'node_modules'])
      await put(`${name}/x.mjs`, '');
    await put('emptied/notes.md', '');
    const { problems } = await discover();
    expect(problems).toEqual([
      { file: join(dir, 'half'), problem: 'has a manifest but no connector', hint: expect.any(String) },
      { file: join(dir, 'other'), problem: 'has no manifest', hint: expect.any(String) },
    ]);
    expect(warnings).toHaveLength(2);
  });

  test('whose connector does not have the class says what it has', async () => {
    await put('odd/manifest.mjs', manifest('odd', 'OddConnector'));
    await put('odd/connector.mjs', connector('EvenConnector', 'odd'));
    const { connectors } = await discover();
    await expect(connectors.get('OddConnector')!.load()).rejects.toThrow(
      `${join(dir, 'odd/connector.mjs')} does not export a connector class OddConnector; it exports: EvenConnector`,
    );
  });

  test('whose manifest is no good is told each fault', async () => {
    const file = await put('bad/manifest.mjs', `export const manifests = [{ service: 'Not Good', connectors: [] }];`);
    await put('bad/connector.mjs', connector('BadConnector', 'bad'));
    const { problems, manifests } = await discover();
    expect(manifests).toEqual([]);
    expect(problems[0]?.file).toBe(file);
    for (const key of ['service', 'title', 'connectors', 'payload', 'inputs']) {
      expect(problems[0]?.problem).toContain(`manifests[0].${key} `);
    }
  });
});

describe('a single file', () => {
  test.each([
    ['single-connector.mjs', connector('SingleConnector', 'one')],
    ['single-connector.js', `class A { service_type = "one"; processJob() {} }\nexport { A as SingleConnector };`],
    [
      'single-connector.ts',
      `export class SingleConnector { readonly service_type: string = 'one'; processJob(): void {} }`,
    ],
    ['single-connector.mjs', `export default class SingleConnector { service_type = 'one'; processJob() {} }`],
  ])('%s is a connector with a manifest that takes anything', async (name, text) => {
    const file = await put(name, text);
    await put('package.json', '{"type":"module"}');
    const { manifests, connectors, problems } = await discover();
    expect(problems).toEqual([]);
    expect(manifests).toMatchObject([{ service: 'one', connectors: ['SingleConnector'], inputs: [], example: {} }]);
    expect(manifests[0]?.payload.parse({ any: ['thing'] })).toEqual({ any: ['thing'] });
    expect(connectors.get('SingleConnector')?.file).toBe(file);
    expect(typeof (await connectors.get('SingleConnector')!.load())).toBe('function');
  });

  test('without a service_type in sight serves what its name says', async () => {
    await put('my-thing-connector.mjs', 'export class MyThingConnector { processJob() {} }');
    expect((await discover()).manifests).toMatchObject([{ service: 'my-thing' }]);
  });

  test('may describe itself, or be described beside it', async () => {
    await put('self-connector.mjs', manifest('self', 'SelfConnector') + connector('SelfConnector', 'ignored'));
    await put('beside-connector.mjs', connector('BesideConnector', 'ignored'));
    await put('beside-connector.manifest.mjs', manifest('beside', 'BesideConnector'));
    const { manifests, problems, connectors } = await discover();
    expect(problems).toEqual([]);
    expect(manifests.map(({ service }) => service)).toEqual(['beside', 'self']);
    expect(manifests.every(({ payload }) => !payload.safeParse({}).success)).toBe(true);
    expect([...connectors.keys()]).toEqual(['BesideConnector', 'SelfConnector']);
  });

  test('that cannot be read as code is named, and the others still work', async () => {
    const broken = await put(
      'broken-connector.mjs',
      'export class BrokenConnector { service_type = "b"; processJob() { ',
    );
    const throwing = await put(
      'throwing-connector.mjs',
      connector('ThrowingConnector', 't') + '; throw new Error("no luck");',
    );
    await put('fine-connector.mjs', connector('FineConnector', 'fine'));
    const { manifests, connectors, problems } = await discover();
    expect(problems.map(({ file }) => file)).toEqual([broken, throwing]);
    expect(problems[1]?.problem).toContain('no luck');
    expect(manifests.map(({ service }) => service)).toEqual(['fine']);
    expect([...connectors.keys()]).toEqual(['FineConnector']);
  });

  test('without a connector class is named', async () => {
    const file = await put('empty-connector.mjs', 'export class Something {}');
    expect((await discover()).problems).toEqual([
      { file, problem: 'exports no class whose name ends in Connector', hint: expect.any(String) },
    ]);
  });

  test('of a name that is passed over is pointed out; helpers, tests and types are not', async () => {
    const file = await put('mine.mjs', connector('MineConnector', 'mine'));
    await put('helper.mjs', 'export const help = 1;');
    await put('mine-connector.test.ts', connector('TestConnector', 'x'));
    await put('types.d.ts', 'export class TypesConnector {}');
    expect((await discover()).problems).toEqual([
      { file, problem: expect.stringContaining('MineConnector'), hint: 'rename it to mine-connector.mjs' },
    ]);
  });
});

describe('two claims', () => {
  test('to one service: the first stays, both are named', async () => {
    const first = await put('a-connector.mjs', connector('AConnector', 'same'));
    const second = await put('b-connector.mjs', connector('BConnector', 'same'));
    const { manifests, problems } = await discover();
    expect(manifests).toMatchObject([{ service: 'same', connectors: ['AConnector'] }]);
    expect(problems).toMatchObject([{ file: second, problem: expect.stringContaining(first) }]);
  });

  test('to one class name: the first stays, both are named', async () => {
    const first = await put('a-connector.mjs', connector('SameConnector', 'a'));
    const second = await put('b-connector.mjs', connector('SameConnector', 'b'));
    const { connectors, problems } = await discover();
    expect(connectors.get('SameConnector')?.file).toBe(first);
    expect(problems).toMatchObject([{ file: second, problem: expect.stringContaining(first) }]);
  });

  test('an added folder cannot replace a built-in connector by accident', async () => {
    await put('simulation-connector.mjs', connector('SimulationConnector', 'simulation'));
    const { connectors, problems } = await discover(builtIn, dir);
    expect(connectors.get('SimulationConnector')?.file.startsWith(builtIn)).toBe(true);
    expect(problems.filter(({ file }) => file.startsWith(dir))).toHaveLength(2);
  });
});

test('a folder that is not there is named, the others are looked into', async () => {
  await put('fine-connector.mjs', connector('FineConnector', 'fine'));
  const { manifests, problems } = await discover('/no/such/folder', dir);
  expect(manifests).toHaveLength(1);
  expect(problems).toMatchObject([{ file: '/no/such/folder', problem: 'there is no such folder' }]);
});

test('loadManifests runs no connector', async () => {
  await put('quiet-family/manifest.mjs', manifest('quiet-family', 'QuietFamilyConnector'));
  await put('quiet-family/connector.mjs', connector('QuietFamilyConnector', 'x'));
  await put('quiet-connector.mjs', connector('QuietConnector', 'quiet'));
  await put('noted-connector.mjs', connector('NotedConnector', 'x'));
  await put('noted-connector.manifest.mjs', manifest('noted', 'NotedConnector'));
  const { manifests, problems } = await loadManifests([dir]);
  expect(problems).toEqual([]);
  expect(manifests.map(({ service }) => service)).toEqual(['quiet-family', 'noted', 'quiet']);
  for (const name of ['QuietFamilyConnector', 'QuietConnector', 'NotedConnector']) expect(loaded()).not.toContain(name);
});
