import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RestAsyncConnector, RestSyncConnector } from '../../../connectors/rest/connector.ts';
import { manifestsOf } from '../../../connectors/rest/payload.schema.ts';
import { runCli } from '../../../cli/run-cli.ts';
import { contextFor, jobOf } from '../../connectors/harness.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { ROOT } from '../../house/repository.ts';
import { recordedTerminal } from '../terminal-double.ts';

const SAMPLE = join(import.meta.dirname, 'openapi.yaml');
type Json = Record<string, unknown>;
let configDir: string;

beforeEach(() => {
  configDir = join(temporaryFolder(), 'config');
  mkdirSync(configDir);
  for (const name of ['pools.json', 'service-mapping.json']) cpSync(join(ROOT, 'config', name), join(configDir, name));
});

async function create(source: string, ...args: string[]) {
  const terminal = recordedTerminal({ env: { SWITCHYARD_CONFIG_DIR: configDir }, cwd: temporaryFolder() });
  const code = await runCli(['create', 'connector', 'my-api', '--from-openapi', source, ...args], terminal, '0.0.0');
  return { code, out: terminal.out(), err: terminal.err() };
}

const written = () => JSON.parse(readFileSync(join(configDir, 'rest/my-api.json'), 'utf8')) as Json;

async function made(operation: string): Promise<Json> {
  const { code, err } = await create(SAMPLE, '--operation', operation);
  expect([code, err]).toEqual([0, '']);
  expect(manifestsOf(written())).toHaveLength(1);
  return written();
}

describe('an OpenAPI document', () => {
  test('without an operation is told: what fits, and what does not with the reason', async () => {
    const { code, out, err } = await create(SAMPLE);
    expect(code).toBe(0);
    expect(out).toMatch(/createJob +POST \/jobs +async +Render a text/);
    expect(out).toMatch(/chat +POST \/chat +stream/);
    expect(err).toMatch(/left out: putRaw: its body is application\/octet-stream/);
    expect(err).toMatch(/left out: secret: the security scheme "certificate"/);
    const { out: json } = await create(SAMPLE, '--json');
    expect((JSON.parse(json) as { operations: object[] }).operations).toContainEqual(
      expect.objectContaining({ id: 'speak', method: 'POST', kind: 'sync' }),
    );
  });

  test('of a service that is asked how a job is', async () => {
    expect(await made('createJob')).toMatchObject({
      kind: 'async',
      base_url: '${MY_API_BASE_URL:-https://eu.example.com/v1}',
      auth: { type: 'api_key', in: 'header', name: 'X-Key', value: '${MY_API_API_KEY}' },
      payload: { required: ['text'], properties: { size: { exclusiveMinimum: 0, maximum: 2048 } } },
      request: { body: { text: '{{ payload.text }}' }, in_doubt: 'fail' },
      async: {
        job_id: 'id',
        status: { path: '/jobs/{{ id }}' },
        states: { queued: 'pending', processing: 'running', succeeded: 'completed', canceled: 'cancelled' },
        progress: 'progress * 100',
        error: 'error.message',
        cancel: { method: 'DELETE', path: '/jobs/{{ id }}' },
      },
      response: { artifacts: [{ from: 'url', each: 'output.images.url' }] },
    });
    // What the service makes itself is not asked for.
    expect(written()).not.toHaveProperty('payload.properties.id');
  });

  test('parameters of every place, and names that clash', async () => {
    expect(await made('speak')).toMatchObject({
      auth: { type: 'bearer', token: '${MY_API_TOKEN}' },
      example: { text: 'text', format: 1, 'voice-id': 'anna' },
      request: {
        path: '/voices/{{ payload.`voice-id` }}/speech',
        query: { format: '{{ payload.query_format }}' },
        headers: { Accept: 'audio/mpeg', 'X-Trace': '{{ payload.`X-Trace` }}' },
      },
      response: { as: 'binary', artifacts: [{ from: 'body', name: 'output.mp3' }] },
    });
  });

  test('files, form fields, streams, and other credentials', async () => {
    expect(await made('editPicture')).toMatchObject({
      auth: { type: 'oauth2', token_url: 'https://eu.example.com/oauth/token', scope: 'work' },
      inputs: [{ field: 'image', as: 'file', required: true }],
      request: { multipart: { image: '@image' } },
      response: { artifacts: [{ from: 'base64', each: 'b64_json' }] },
    });
  });

  test('form fields and basic credentials, named by method and path', async () => {
    expect(await made('post /forms')).toMatchObject({
      auth: { type: 'basic' },
      request: { form: { q: '{{ payload.q }}' } },
      response: { as: 'text' },
    });
  });

  test('a body of several forms, and a stream', async () => {
    const service = await made('chat');
    expect(service).toMatchObject({ kind: 'stream', request: { body_expression: 'payload' } });
    expect(service).not.toHaveProperty('payload');
  });

  test('must not read the secrets of a worker', async () => {
    const { code, err } = await create(SAMPLE, '--operation', 'thief');
    expect([code, err]).toEqual([1, expect.stringContaining('${AWS_SECRET_ACCESS_KEY}')]);
  });

  test('is never written over', async () => {
    await made('chat');
    const before = JSON.stringify(written());
    expect(await create(SAMPLE, '--operation', 'speak')).toMatchObject({ code: 2, err: /already/ });
    expect(JSON.stringify(written())).toBe(before);
  });

  test.each([
    ['{"swagger": "2.0"}', /Swagger "2.0"; OpenAPI 3 is needed/],
    ['{"openapi": "4.0.0"}', /version "4.0.0" is not known/],
    ['{"paths": {}}', /no field "openapi"/],
    ['{"a": [', /neither JSON nor YAML/],
    ['{"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/nowhere"}}}', /a reference leads nowhere/],
  ])('%s is refused', async (text, message) => {
    const file = join(temporaryFolder(), 'document.json');
    writeFileSync(file, text);
    expect(await create(file)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(message) });
  });

  test('that is not there, and an operation that is not in it', async () => {
    expect(await create('/no/such.yaml')).toMatchObject({ code: 2, err: /cannot be read/ });
    expect(await create(SAMPLE, '--operation', 'creatJob')).toMatchObject({ code: 2, err: /did you mean createJob\?/ });
  });
});

describe('a service made from a document', () => {
  let close: (() => Promise<void>) | undefined;
  afterEach(() => close?.());

  /** A service that is described by its own document, at an address that only it knows. */
  async function serve(answer: (method: string, path: string, body: string) => Json | undefined): Promise<string> {
    const document = readFileSync(SAMPLE, 'utf8').replace('https://{region}.example.com/v1/', '/v1');
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      if (request.url === '/openapi.yaml') return void response.end(document);
      const found =
        request.headers['x-key'] === 'k' ? answer(request.method ?? '', request.url ?? '', body) : undefined;
      response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(found ?? {}));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    close = async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      delete process.env['MY_API_API_KEY'];
    };
    process.env['MY_API_API_KEY'] = 'k';
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test('does a job at the service that the document came from', async () => {
    const bodies: string[] = [];
    const url = await serve((method, path, body) => {
      if (method === 'POST' && path === '/v1/jobs') {
        bodies.push(body);
        return { id: 'j1', status: 'queued' };
      }
      return path === '/v1/jobs/j1' ? { id: 'j1', status: 'succeeded', progress: 1, output: {} } : undefined;
    });
    expect(await create(`${url}/openapi.yaml`, '--operation', 'createJob')).toMatchObject({ code: 0 });
    const connector = new RestAsyncConnector('rest', { folder: join(configDir, 'rest') });
    const context = contextFor();
    try {
      const job = jobOf({ text: 'a harbour', size: 512 }, { type: 'my-api' });
      const { status, service_info } = await connector.processJob(job, () => {}, context);
      expect([status, service_info?.service_job_id]).toEqual(['completed', 'j1']);
      expect(bodies.map((body) => JSON.parse(body) as unknown)).toEqual([{ text: 'a harbour', size: 512 }]);
    } finally {
      await connector.cleanup();
      await context.remove();
    }
  });

  test('asks with the parameters of the path', async () => {
    const url = await serve((method, path) =>
      method === 'GET' && path === '/v1/jobs/7%2F8' ? { id: '7/8' } : undefined,
    );
    expect(await create(`${url}/openapi.yaml`, '--operation', 'getJob')).toMatchObject({ code: 0 });
    const connector = new RestSyncConnector('rest', { folder: join(configDir, 'rest') });
    const context = contextFor();
    try {
      const { status } = await connector.processJob(jobOf({ job: '7/8' }, { type: 'my-api' }), () => {}, context);
      expect(status).toBe('completed');
    } finally {
      await connector.cleanup();
      await context.remove();
    }
  });
});
