import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { KINDS } from '../../../cli/scaffold/kinds.ts';
import { ScratchCheckout } from './scratch-checkout.ts';

/** One of each kind, as somebody would make it, in a copy of this checkout. Short and long names wrap lines elsewhere. */
const NAMES = { sync: 'my-ask', async: 'my-service', stream: 'my-rather-long-name-of-a-service', websocket: 'my-ws' };
const names = Object.values(NAMES);
let checkout: ScratchCheckout;

beforeAll(async () => {
  checkout = new ScratchCheckout();
  for (const [kind, name] of Object.entries(NAMES)) {
    const made = await checkout.run('create', 'connector', name, '--kind', kind);
    expect(made).toMatchObject({ code: 0, stderr: '' });
  }
}, 120_000);
afterAll(() => checkout.remove());

describe('what create connector has written, of every kind', () => {
  const files = () =>
    names.flatMap((name) => ['connectors', 'tests/connectors', 'tests/doubles'].map((at) => `${at}/${name}`));

  test('all kinds are tried', () => {
    expect(Object.keys(NAMES)).toEqual(Object.keys(KINDS));
  });

  test('is formatted', async () => {
    const { code, stdout, stderr } = await checkout.tool('@biomejs/biome/bin/biome', ['format', ...files(), 'config']);
    expect([code, code === 0 ? '' : stdout + stderr]).toEqual([0, '']);
  });

  test('passes the linter', async () => {
    const args = ['--type-aware', '--deny-warnings', ...files()];
    const { code, stdout } = await checkout.tool('oxlint/bin/oxlint', args);
    expect([code, code === 0 ? '' : stdout]).toEqual([0, '']);
  });

  test('has no type errors', async () => {
    const include = files().map((folder) => `${folder}/**/*.ts`);
    writeFileSync(join(checkout.folder, 'tsconfig.new.json'), JSON.stringify({ extends: './tsconfig.json', include }));
    const { stdout } = await checkout.tool('typescript/bin/tsc', ['--noEmit', '-p', 'tsconfig.new.json']);
    expect(stdout.split('\n').filter((line) => names.some((name) => line.includes(`/${name}/`)))).toEqual([]);
  });

  test('keeps to the import rules', async () => {
    const folders = names.map((name) => `connectors/${name}`);
    const args = ['--config', '.dependency-cruiser.mjs', ...folders];
    const { code, stdout } = await checkout.tool('dependency-cruiser/bin/dependency-cruise.mjs', args);
    expect([code, code === 0 ? '' : stdout]).toEqual([0, '']);
  });

  test('has a test that passes: the whole contract of connectors', async () => {
    const ran = await checkout.tool(
      'jest/bin/jest.js',
      ['--config', 'jest.config.mjs', ...names.map((name) => `tests/connectors/${name}/`)],
      { NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning' },
    );
    expect([ran.code, ran.code === 0 ? '' : ran.stdout + ran.stderr]).toEqual([0, '']);
    expect(ran.stderr).toContain(`${names.length} passed, ${names.length} total`);
  }, 600_000);
});

test('a file dropped into connectors/ is found after the build; a broken one is named and takes nothing down', async () => {
  const drop = (name: string, text: string) => writeFileSync(join(checkout.folder, 'connectors', name), text);
  const text = (name: string) =>
    `export class ${name} { service_type = '${name.toLowerCase()}'; processJob(): void {} }\n`;
  drop('dropped-connector.ts', text('DroppedConnector'));
  drop('broken-connector.ts', 'export class BrokenConnector { processJob() {\n');
  drop('throwing-connector.ts', `${text('ThrowingConnector')}throw new Error('no luck');\n`);
  const built = await checkout.node('scripts/build.mjs');
  expect([built.code, built.stdout + built.stderr]).toEqual([
    0,
    expect.stringContaining('connectors/broken-connector.ts(2,1)'),
  ]);
  const { code, stderr } = await checkout.run('connector', 'test', 'no-such-service');
  expect(code).toBe(6);
  expect(stderr).toMatch(/There are: .*droppedconnector.*simulation/);
  expect(stderr).toMatch(/Left out: .*broken-connector\.js.*broken-connector\.ts\(2,1\): error TS1005/);
  expect(stderr).toMatch(/Left out: .*throwing-connector\.js.*no luck/);
});
