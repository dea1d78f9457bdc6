import { describe, expect, test } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { discoverConnectors } from '../../../connectors/registry/discover-connectors.ts';
import { loadServices } from '../../../connectors/rest/load-services.ts';
import { manifestsOf } from '../../../connectors/rest/payload.schema.ts';
import { joinCatalog } from '../../../platform/catalog/join-catalog.ts';
import { poolSchema } from '../../../platform/catalog/pools.schema.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { failureOf } from '../http/local-server.ts';
import { connectorFor, run } from './harness.ts';
import { asyncService, syncService } from './services.ts';

const builtIn = fileURLToPath(new URL('../../../connectors', import.meta.url));
const silent = pino({ level: 'silent' });

async function configWith(files: Record<string, unknown>): Promise<string> {
  const dir = temporaryFolder();
  await mkdir(join(dir, 'rest'));
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(dir, 'rest', name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return dir;
}

describe('discovery', () => {
  test('each file is a service, with payload schema, example and variables, served by the class of its kind', async () => {
    const dir = await configWith({ 'a.json': { ...syncService, aliases: ['other-name'] }, 'b.json': asyncService });
    const { manifests, connectors, problems } = await discoverConnectors([builtIn], silent, dir);
    expect(problems).toEqual([]);
    const found = manifests.filter((manifest) => /double|other/.test(manifest.service));
    expect(found.map(({ service, connectors: classes }) => [service, classes])).toEqual([
      ['double-sync', ['RestSyncConnector']],
      ['other-name', ['RestSyncConnector']],
      ['double-async', ['RestAsyncConnector']],
    ]);
    expect(found[0]).toMatchObject({
      title: 'The double, sync',
      example: { text: 'a town by the sea' },
      required_env: ['REST_DOUBLE_URL', 'REST_DOUBLE_KEY'],
    });
    expect(found[0]!.payload.parse({ text: 'x' })).toEqual({ text: 'x', size: 3 });
    expect(found[0]!.payload.safeParse({ text: 'x', more: 1 }).success).toBe(false);
    expect(connectors.get('RestSyncConnector')?.file).toContain(join('rest', 'connector'));
  });

  test('a service needs no entry in the mapping; its variables are asked of the worker', async () => {
    const dir = await configWith({ 'a.json': syncService });
    const { manifests } = await discoverConnectors([builtIn], silent, dir);
    const catalog = joinCatalog({ connectors: {}, workers: {} }, new Map([['p', poolSchema.parse({})]]), manifests);
    expect(catalog.services.get('double-sync')?.routes).toEqual([
      {
        pool: 'p',
        capability: 'double-sync',
        connector: 'RestSyncConnector',
        required_env: ['REST_DOUBLE_URL', 'REST_DOUBLE_KEY'],
      },
    ]);
  });

  test('a bad file is named and spoils no other', async () => {
    const dir = await configWith({
      'a.json': '{"service": "x",',
      'b.json': { ...syncService, kind: 'sometimes' },
      'c.json': syncService,
      'd.json': { ...asyncService, service: 'double-sync' },
      'notes.txt': 'not looked at',
    });
    const { manifests, problems } = await discoverConnectors([builtIn], silent, dir);
    expect(manifests.some((manifest) => manifest.service === 'double-sync')).toBe(true);
    const texts = problems.map(({ file, problem }) => `${file.slice(dir.length)}: ${problem}`);
    expect(texts[0]).toMatch(/^\/rest\/a\.json: is not JSON/);
    expect(texts[1]).toBe('/rest/b.json: kind: must be sync, async or stream');
    expect(texts[2]).toMatch(
      /^\/rest\/d\.json: describes the service "double-sync", which .*c\.json describes already/,
    );
  });
});

describe('errors name the field and the way out', () => {
  test.each([
    [{ service: 'Not Good' }, 'service: must be lower-case letters'],
    [{ base_url: 'ftp://x' }, 'base_url: must be http(s)://host'],
    [{ auth: { type: 'magic' } }, 'auth.type: must be none, api_key, bearer, basic or oauth2'],
    [{ auth: { type: 'bearer' } }, 'auth.token: '],
    [
      { request: { path: '/x', body: {}, form: {} } },
      'request: may have one of body, body_expression, form, multipart',
    ],
    [{ request: { path: '/x', verb: 'POST' } }, 'request.verb: is no known field'],
    [{ request: { path: '/x', multipart: { f: '@photo' } } }, 'declare {"field": "photo", "as": "file"}'],
    [{ response: { as: 'binary' } }, 'response.artifacts: must name the file'],
    [{ response: { artifacts: [{ from: 'body', name: 'x' }] } }, 'response.as: must be "binary"'],
    [{ response: { artifacts: [{ from: 'mail', name: 'x' }] } }, 'must be body, url or base64'],
    [{ limits: { timeout: 'soon' } }, 'limits.timeout: is not a duration'],
    [{ errors: [{ when: 'x', code: 'bad_luck' }] }, 'errors.0.code: '],
    [{ payload: { type: 'strange' } }, 'payload: is no JSON Schema that can be used'],
    [
      { payload: { properties: { a: { type: 'number' } }, required: ['a'] }, example: {} },
      'example: does not fit payload',
    ],
  ])('%j', (change, text) => {
    expect(() => manifestsOf({ ...syncService, ...change })).toThrow(text);
  });

  test('async: a state for "completed" is needed', () => {
    const changed = { ...asyncService, async: { ...asyncService.async, states: { done: 'failed' } } };
    expect(() => manifestsOf(changed)).toThrow('async.states: must have a word for "completed"');
  });
});

describe('in the worker', () => {
  test('variables are put in; missing ones are named all at once', async () => {
    const dir = await configWith({ 'a.json': syncService });
    const folder = join(dir, 'rest');
    const [lacking] = await loadServices(folder, {});
    expect(lacking).toMatchObject({
      name: 'double-sync',
      problem: 'needs the variables REST_DOUBLE_URL, REST_DOUBLE_KEY, which are not set',
    });
    const [ready] = await loadServices(folder, { REST_DOUBLE_URL: 'http://h', REST_DOUBLE_KEY: 'k' });
    expect(ready?.service).toMatchObject({ base_url: 'http://h/v1', auth: { type: 'bearer', token: 'k' } });
  });

  test('a job for a service that cannot be used says why, one for an unknown service what there is', async () => {
    const bad = { service: 'bad', base_url: 'http://localhost:1', request: { path: '/x', body: '{{ a[ }}' } };
    const lacking = { service: 'lacking', base_url: '${NOT_SET_ANYWHERE}', request: { path: '/x' } };
    const good = { service: 'good', base_url: 'http://localhost:1', request: { path: '/x' } };
    const connector = await connectorFor('sync', bad, lacking, good);
    const broken = await failureOf(run(connector, {}, { service: 'bad' }));
    expect(broken).toMatchObject({ code: 'internal', retryable: false });
    expect(broken.message).toContain('bad.request.body: " a[ " is no JSONata');
    expect((await failureOf(run(connector, {}, { service: 'lacking' }))).message).toContain('NOT_SET_ANYWHERE');
    expect((await failureOf(run(connector, {}, { service: 'what' }))).message).toContain('it knows: good');
  });
});
