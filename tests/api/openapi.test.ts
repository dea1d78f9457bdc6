import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormatsModule from 'ajv-formats';
import { ERROR_CODES } from '../../contract/errors.ts';
import type { JobView } from '../../contract/job-view.ts';
import { untilAborted } from '../harness/scripted-connector.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { ApiFixture } from './api-fixture.ts';

type Json = Record<string, unknown>;
interface OpenApi {
  openapi: string;
  paths: Record<
    string,
    Record<string, { operationId: string; responses: Json; parameters: Json[]; requestBody?: Json }>
  >;
  components: { schemas: Record<string, Json> };
}

const ID = 'https://switchyard.test/openapi.json';

let api: ApiFixture;
let document: OpenApi;
let ajv: Ajv2020;

beforeAll(async () => {
  api = await ApiFixture.start();
  await waitUntil(() => api.deps.presence.queue('first.scripted') === 'free');
  document = await api.json<OpenApi & Json>('/api/openapi.json');
  ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormatsModule as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema(document, ID);
});
afterAll(() => api.stop());

function pointer(...segments: string[]): string {
  return `${ID}#/${segments.map((one) => encodeURIComponent(one.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
}

/** Whether a value is what the document says; the mistakes when it is not. */
function mistakes(schema: string, value: unknown): unknown {
  const validate = ajv.getSchema(schema);
  if (!validate) throw new Error(`no schema at ${schema}`);
  return validate(value) ? undefined : validate.errors;
}

/** Makes a request and checks status, media type and body against the document. */
async function checked(method: string, template: string, path: string, init: RequestInit = {}): Promise<Json> {
  const response = await api.fetch(`/api${path}`, { ...init, method: method.toUpperCase() });
  const operation = document.paths[template]![method]!;
  const answer = operation.responses[String(response.status)] as { content?: Json } | undefined;
  if (!answer) throw new Error(`${method} ${template} answers ${response.status}, which it does not tell of`);
  const type = response.headers.get('content-type')?.split(';')[0];
  const value = (await response.json()) as Json;
  expect(Object.keys(answer.content ?? {})).toContain(type);
  const schema = pointer('paths', template, method, 'responses', String(response.status), 'content', type!, 'schema');
  expect(mistakes(schema, value)).toBeUndefined();
  return value;
}

function body(value: unknown): RequestInit {
  return { body: JSON.stringify(value), headers: { 'content-type': 'application/json' } };
}

describe('the document', () => {
  test('has every route, each with an own name, its path parameters and a success', () => {
    expect(document.openapi).toBe('3.1.0');
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
    );
    const ids = operations.map((operation) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(16);
    for (const { path, parameters, responses } of operations) {
      const named = [...path.matchAll(/{(\w+)}/g)].map(([, name]) => name);
      expect(parameters.filter((one) => one['in'] === 'path').map((one) => one['name'])).toEqual(named);
      expect(Object.keys(responses).some((status) => status.startsWith('2'))).toBe(true);
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['403', '500', '503']));
    }
  });

  test('every reference leads somewhere, every schema compiles', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target!);
    expect(references.length).toBeGreaterThan(30);
    for (const target of new Set(references)) {
      expect(target).toMatch(/^#\/components\/schemas\/\w+$/);
      expect(document.components.schemas).toHaveProperty(target.split('/').at(-1)!);
    }
    for (const name of Object.keys(document.components.schemas)) {
      expect(ajv.getSchema(pointer('components', 'schemas', name))).toBeDefined();
    }
  });

  test('tells everywhere what any request may meet', async () => {
    for (const [template, operations] of Object.entries(document.paths)) {
      const path = template.replaceAll(/\{\w+\}/g, 'none');
      for (const [method, { requestBody }] of Object.entries(operations)) {
        await checked(method, template, `${path}?colour=red`);
        if (/\{/.test(template)) await checked(method, template, path.replace('none', '%ZZ'));
        if (!requestBody) continue;
        const type = { 'content-type': 'application/json' };
        await checked(method, template, path, { body: 'x', headers: { 'content-type': 'text/plain' } });
        await checked(method, template, path, { body: 'x'.repeat(100_000), headers: type });
      }
    }
  });

  test('knows every error code', () => {
    const { code } = document.components.schemas['Problem']!['properties'] as Record<string, { enum: string[] }>;
    expect(code!.enum.sort()).toEqual(Object.keys(ERROR_CODES).sort());
  });

  test('its examples are valid', () => {
    const content = document.paths['/jobs']!['post']!.requestBody!['content'] as Record<string, Json>;
    const examples = content['application/json']!['examples'] as Record<string, { value: unknown }>;
    expect(Object.keys(examples)).toEqual(['scripted']);
    for (const { value } of Object.values(examples)) {
      expect(mistakes(pointer('components', 'schemas', 'JobInput'), value)).toBeUndefined();
    }
  });

  test('refuses what the API refuses', () => {
    const schema = pointer('components', 'schemas', 'JobInput');
    expect(mistakes(schema, { service: 'a', priority: 9 })).toBeDefined();
    expect(mistakes(schema, { service: 'a', colour: 'red' })).toBeDefined();
    expect(mistakes(schema, { service: 'a', run_timeout: '5m', retry: { max_attempts: 2 } })).toBeUndefined();
  });
});

describe('real answers', () => {
  test('the whole life of a job', async () => {
    api.stack.connector.script = async (job, progress, { signal }) => {
      await progress({
        job_id: job.id,
        progress: 30,
        message: 'on the way',
        current_step: 1,
        total_steps: 3,
        estimated_completion_ms: 900,
      });
      return untilAborted(signal);
    };
    const submitted = await checked(
      'post',
      '/jobs',
      '/jobs',
      body({ service: 'scripted', metadata: { a: 1 }, tags: ['x'] }),
    );
    const id = String(submitted['id']);
    await waitUntil(async () => (await api.get(id)).progress?.percent === 30);
    await checked('get', '/jobs/{id}', `/jobs/${id}`);
    await checked('get', '/jobs', '/jobs?limit=5');
    await checked('get', '/jobs/{id}/attempts', `/jobs/${id}/attempts`);
    await checked('get', '/jobs/{id}/logs', `/jobs/${id}/logs`);
    await checked('get', '/jobs/{id}/artifacts', `/jobs/${id}/artifacts`);
    await checked('patch', '/jobs/{id}', `/jobs/${id}`, body({ deadline: '2099-01-01T00:00:00Z' }));
    await checked('post', '/jobs/{id}/retry', `/jobs/${id}/retry`);
    const stream = api.events(id);
    await stream.until((event) => event.type === 'progress' || event.type === 'snapshot');
    await checked('post', '/jobs/{id}/cancel', `/jobs/${id}/cancel`, body({ reason: 'enough' }));
    await api.untilStatus(id, 'cancelled');
    await stream.done;
    for (const event of stream.events) {
      expect(mistakes(pointer('components', 'schemas', 'JobEvent'), event)).toBeUndefined();
    }
    expect(await checked('get', '/jobs/{id}', `/jobs/${id}`)).toMatchObject({ status: 'cancelled' });
    await checked('get', '/jobs/{id}/attempts', `/jobs/${id}/attempts`);
    await checked('post', '/jobs/{id}/cancel', `/jobs/${id}/cancel`);
    await checked('patch', '/jobs/{id}', `/jobs/${id}`, body({ priority: 1 }));
    api.stack.connector.script = async () => ({ text: 'ok' });
    const again = await checked('post', '/jobs/{id}/retry', `/jobs/${id}/retry`, { headers: { prefer: 'wait=20' } });
    expect(again as unknown as JobView).toMatchObject({ status: 'completed', retry_of: id });
  });

  test('inputs, services, pools, workers', async () => {
    await checked('post', '/inputs', '/inputs', { body: 'hello', headers: { 'content-type': 'text/plain' } });
    await checked('get', '/services', '/services');
    await checked('get', '/services/{name}', '/services/scripted');
    await checked('get', '/pools', '/pools');
    await checked('get', '/workers', '/workers');
  });

  test.each<[string, string, string, RequestInit]>([
    ['post', '/jobs', '/jobs', body({ service: 'none' })],
    ['post', '/jobs', '/jobs', { body: '{', headers: { 'content-type': 'application/json' } }],
    ['post', '/jobs', '/jobs', { body: '{}', headers: { 'content-type': 'text/plain' } }],
    [
      'post',
      '/jobs',
      '/jobs',
      { body: '{}', headers: { 'content-type': 'application/json', origin: 'https://evil.example' } },
    ],
    ['get', '/jobs', '/jobs?colour=red', {}],
    ['get', '/jobs/{id}', '/jobs/none', {}],
    ['get', '/jobs/{id}/events', '/jobs/none/events', {}],
    ['get', '/jobs/{id}/artifacts/{name}', '/jobs/none/artifacts/x', {}],
    ['get', '/services/{name}', '/services/none', {}],
    ['patch', '/jobs/{id}', '/jobs/none', body({ priority: 1 })],
    ['patch', '/jobs/{id}', '/jobs/none', body({ priority: 'high' })],
    ['post', '/jobs/{id}/cancel', '/jobs/none/cancel', {}],
    ['post', '/jobs/{id}/retry', '/jobs/none/retry', {}],
  ])('the problem of %s %s (%s)', async (method, template, path, init) => {
    expect(await checked(method, template, path, init)).toHaveProperty('code');
  });

  test('the check itself can fail', () => {
    expect(mistakes(pointer('components', 'schemas', 'Job'), { id: 'x' })).toBeDefined();
  });
});
