import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { addToJson } from '../../../cli/scaffold/add-to-json.ts';
import { namesOf } from '../../../cli/scaffold/names.ts';
import { planConnector } from '../../../cli/scaffold/scaffold-plan.ts';
import { writePlan } from '../../../cli/scaffold/write-plan.ts';
import { runCli } from '../../../cli/run-cli.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { ROOT } from '../../house/repository.ts';
import { recordedTerminal } from '../terminal-double.ts';

/** What a plan needs of a checkout. */
function smallCheckout(): string {
  const root = temporaryFolder();
  for (const path of ['cli/scaffold/templates', 'config', 'README.md', 'connectors/index.ts']) {
    cpSync(join(ROOT, path), join(root, path), { recursive: true });
  }
  return root;
}

const plan = (root: string, name = 'my-service') => planConnector(root, join(root, 'config'), 'sync', namesOf(name));

async function create(...args: string[]) {
  const terminal = recordedTerminal({ env: {} });
  const code = await runCli(['create', 'connector', ...args], terminal, '0.0.0');
  return { code, out: terminal.out(), err: terminal.err() };
}

describe('names', () => {
  test('are spelled as each place wants it', () => {
    expect(namesOf('my-service-2')).toEqual({
      service: 'my-service-2',
      stem: 'MyService2',
      variables: 'MY_SERVICE_2',
      title: 'My service 2',
    });
  });

  test.each([
    ['MyService', /lower-case/, 'my-service would do'],
    ['my_service', /lower-case/, 'my-service would do'],
    ['../escape', /lower-case/, 'escape would do'],
    ['9lives', /lower-case/, 'lives would do'],
    ['', /lower-case/, 'my-service'],
    ['a'.repeat(41), /too long/, undefined],
    ['foo-connector', /leave "-connector" away/, 'foo would do'],
    ['registry', /taken by Switchyard/, 'another name'],
    ['switchyard-x', /taken by Switchyard/, 'another name'],
  ])('%j is refused, with a way out', (name, message, hint) => {
    let error: { message?: string; hint?: string; exitCode?: number } = {};
    try {
      namesOf(name);
    } catch (thrown) {
      error = thrown as typeof error;
    }
    expect(error.message).toMatch(message);
    expect(error.exitCode).toBe(2);
    if (hint) expect(error.hint).toContain(hint);
  });
});

describe('create connector', () => {
  test.each(['simulation', 'openai-text', 'comfyui', 'rest'])('%s is taken, and nothing is written', async (name) => {
    const before = readFileSync(join(ROOT, 'config/service-mapping.json'), 'utf8');
    const { code, out, err } = await create(name);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/already|taken/);
    expect(readFileSync(join(ROOT, 'config/service-mapping.json'), 'utf8')).toBe(before);
  });

  test('--dry-run says what would be written, and writes nothing', async () => {
    const { code, out } = await create('never-made', '--kind', 'stream', '--dry-run');
    expect(code).toBe(0);
    for (const path of ['connectors/never-made/connector.ts', '.env.never-made.example', 'README.md']) {
      expect(out).toContain(path);
    }
    expect(existsSync(join(ROOT, 'connectors/never-made'))).toBe(false);
    const { out: json } = await create('never-made', '--dry-run', '--json');
    expect(JSON.parse(json)).toMatchObject({ service: 'never-made', kind: 'async', dry_run: true });
  });

  test('--operation without a document is refused', async () => {
    expect(await create('never-made', '--operation', 'x')).toMatchObject({ code: 2, err: /--from-openapi/ });
  });

  test('a kind that there is not is refused with those there are', async () => {
    expect(await create('never-made', '--kind', 'grpc')).toMatchObject({
      code: 2,
      err: /sync, async, stream, websocket/,
    });
  });
});

describe('a plan', () => {
  test('adds to the mapping and the README and changes nothing else there', () => {
    const root = smallCheckout();
    const { files } = plan(root);
    for (const path of ['config/service-mapping.json', 'README.md']) {
      const { before = '', content } = files.find((file) => file.path === path)!;
      const added = new Set(content.split('\n'));
      // The comma behind what was last is all that may change.
      expect(before.split('\n').filter((line) => !added.has(line) && !added.has(`${line},`))).toEqual([]);
    }
    const mapping = JSON.parse(files.find(({ path }) => path.endsWith('mapping.json'))!.content) as Record<
      string,
      object
    >;
    expect(mapping['connectors']).toHaveProperty('MyServiceConnector');
    expect(mapping['workers']).toHaveProperty('my-service-api.required_env', [
      'MY_SERVICE_BASE_URL',
      'MY_SERVICE_API_KEY',
    ]);
  });

  test('leaves no placeholder behind', () => {
    for (const { content, before } of plan(smallCheckout(), 'other').files) {
      if (before === undefined) expect(content).not.toMatch(/MyService|my-service|MY_SERVICE|My service|__|\/\/==/);
    }
  });

  test.each(['connectors/my-service', 'docs/connectors/my-service.md', '.env.my-service.example'])(
    'is refused where %s is there already',
    (path) => {
      const root = smallCheckout();
      if (path.includes('.m') || path.startsWith('.env')) {
        mkdirSync(join(root, path, '..'), { recursive: true });
        writeFileSync(join(root, path), 'mine');
      } else mkdirSync(join(root, path));
      expect(() => plan(root)).toThrow(path);
    },
  );

  test('is refused for a capability that a worker of another name serves', () => {
    const root = smallCheckout();
    const mapping = {
      connectors: { X: {} },
      workers: { x: { service: [{ capability: ['a', 'my-service'], connector: 'X' }] } },
    };
    writeFileSync(join(root, 'config/service-mapping.json'), JSON.stringify(mapping));
    expect(() => plan(root)).toThrow(/the worker "x" serves "my-service" already/);
  });

  test('works without a list of pages, and says so', () => {
    const root = smallCheckout();
    writeFileSync(join(root, 'README.md'), '# Mine\n');
    expect(plan(root).remarks).toEqual([expect.stringContaining('link docs/connectors/my-service.md from README.md')]);
  });

  test('that cannot be written leaves nothing behind', () => {
    const root = smallCheckout();
    const { files } = plan(root);
    writeFileSync(join(root, '.env.my-service.example'), 'somebody else was quicker');
    expect(() => writePlan(root, files)).toThrow(/another file was there first/);
    expect(existsSync(join(root, 'connectors/my-service'))).toBe(false);
    expect(existsSync(join(root, 'tests'))).toBe(false);
    expect(readFileSync(join(root, '.env.my-service.example'), 'utf8')).toBe('somebody else was quicker');
  });

  test('does not overwrite a mapping that has changed since', () => {
    const root = smallCheckout();
    const { files } = plan(root);
    writeFileSync(join(root, 'config/service-mapping.json'), '{}');
    expect(() => writePlan(root, files)).toThrow(/has changed meanwhile/);
    expect(readFileSync(join(root, 'config/service-mapping.json'), 'utf8')).toBe('{}');
    expect(readdirSync(join(root, 'connectors'))).toEqual(['index.ts']);
  });
});

describe('an entry in a JSON file', () => {
  test.each([
    ['{\n  "a": {}\n}\n', { k: 1 }],
    ['{"a":{"x":{"}":"{"}},"b":1}', { x: { '}': '{' }, k: 1 }],
    ['{\n  "a": {\n    "x": [1, 2]\n  },\n  "b": {}\n}', { x: [1, 2], k: 1 }],
  ])('is added to %j', (text, expected) => {
    const made = addToJson(text, 'a', 'k', 1);
    expect((JSON.parse(made) as { a: object }).a).toEqual(expected);
  });

  test('needs an object, and a key that is free', () => {
    expect(() => addToJson('{"a": 1}', 'a', 'k', 1)).toThrow(/no object "a"/);
    expect(() => addToJson('{"a": {"k": 1}}', 'a', 'k', 1)).toThrow(/"k" already/);
  });
});
