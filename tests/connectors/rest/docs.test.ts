import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { RestSyncConnector } from '../../../connectors/rest/connector.ts';
import { manifestsOf } from '../../../connectors/rest/payload.schema.ts';
import { serviceSchema } from '../../../connectors/rest/service.schema.ts';
import type { JobOutcome } from '../../../contract/plan.ts';
import { ContractStack, endOf } from '../contract/contract-stack.ts';
import { bodyOf, failureOf, json, serve } from '../http/local-server.ts';
import { connectorFor, contentOf, run, testContext } from './harness.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const page = readFileSync(join(root, 'docs/connectors/rest.md'), 'utf8');
const examples = join(root, 'config/rest');
const example = (name: string) =>
  JSON.parse(readFileSync(join(examples, `${name}.json.example`), 'utf8')) as { service: string };

test.each(readdirSync(examples))('%s is a service file whose example fits its schema', (name) => {
  expect(name).toMatch(/\.json\.example$/);
  const [manifest] = manifestsOf(example(name.replace('.json.example', '')));
  expect(manifest?.payload.safeParse(manifest.example).success).toBe(true);
});

test('the page names every field of the schema', () => {
  const names = new Set<string>();
  const collect = (schema: unknown): void => {
    if (typeof schema !== 'object' || schema === null) return;
    const { properties } = schema as { properties?: object };
    for (const name of Object.keys(properties ?? {})) names.add(name);
    for (const value of Object.values(schema)) collect(value);
  };
  collect(z.toJSONSchema(serviceSchema, { io: 'input', unrepresentable: 'any' }));
  expect(names.size).toBeGreaterThan(60);
  const named = (name: string) =>
    page.includes(`\`${name}\``) || page.includes(`"${name}"`) || page.includes(`\`${name}.`);
  expect([...names].filter((name) => !named(name))).toEqual([]);
});

describe('the first service of the page', () => {
  const file = /```json\n([\s\S]+?)```/.exec(page)?.[1] ?? '';
  const job = /<<'JOB'\n([\s\S]+?)JOB\n/.exec(page)?.[1] ?? '';
  let echo: Server;
  let site: ContractStack;

  beforeAll(async () => {
    // Answers as postman-echo.com does.
    echo = createServer((request: IncomingMessage, response: ServerResponse) => {
      void bodyOf(request).then((text) => json(response, { json: JSON.parse(text) as unknown, url: request.url }));
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
    const subject = {
      connectorClass: async () => RestSyncConnector,
      className: 'RestSyncConnector',
      manifest: async () => manifestsOf(JSON.parse(file))[0]!,
      env: () => ({ ECHO_URL: url }),
      requiredEnv: [],
      configFiles: { 'rest/echo.json': file },
    };
    site = await ContractStack.start(subject, url);
    await site.worker();
  });
  afterAll(async () => {
    await site.stop();
    await new Promise((resolve) => echo.close(resolve));
  });

  test('is the file that lies in config/rest', () => {
    expect(JSON.parse(file)).toEqual(example('echo'));
  });

  test('runs the job of the page as it says', async () => {
    const { payload } = JSON.parse(job) as { payload: Record<string, unknown> };
    const ended = (await endOf(await site.submit(payload))) as { completed: JobOutcome };
    expect(ended).toMatchObject({ completed: { result: { heard: 'HELLO', job: expect.any(String) } } });
    expect(ended.completed.artifacts).toMatchObject([{ name: 'heard.txt', bytes: 5 }]);
  });
});

describe('the other files, against services pretended after their documentation', () => {
  test('ElevenLabs: sound in the answer, the quota that looks like a wrong key', async () => {
    const local = await serve(async (request, response) => {
      const { text } = JSON.parse(await bodyOf(request)) as { text: string };
      if (text === 'too much') return json(response, { detail: { status: 'quota_exceeded', message: 'spent' } }, 401);
      response.writeHead(200, { 'content-type': 'audio/mpeg', 'character-cost': '12' });
      response.end(Buffer.from('ID3sound'));
    });
    const service = { ...example('elevenlabs-speech'), base_url: local.url, auth: { type: 'none' }, service: 'it' };
    const connector = await connectorFor('sync', service);
    const context = testContext();
    const payload = { text: 'Mind the gap.', voice_id: 'abc', format: 'mp3_44100_128' };
    const { result, artifacts = [] } = await run(connector, payload, { context });
    expect(local.asked).toEqual(['POST /v1/text-to-speech/abc?output_format=mp3_44100_128']);
    expect(result).toEqual({ characters: 12 });
    expect(artifacts[0]?.name).toBe('speech.mp3');
    expect((await contentOf(context, artifacts[0]!.uri)).toString()).toBe('ID3sound');
    const spent = await failureOf(run(connector, { ...payload, text: 'too much' }));
    expect(spent).toMatchObject({ code: 'quota_exceeded', retryable: false });
  });

  test('Stability AI: a form without files, and a filtered picture', async () => {
    let filtered = false;
    const local = await serve(async (request, response) => {
      const form = await bodyOf(request);
      const reason = filtered ? 'CONTENT_FILTERED' : 'SUCCESS';
      response.writeHead(200, { 'content-type': 'image/png', 'finish-reason': reason, seed: '7' });
      response.end(form.includes('name="mode"\r\n\r\ntext-to-image') && !form.includes('name="image"') ? 'png' : '');
    });
    const service = { ...example('stability-image'), base_url: local.url, auth: { type: 'none' }, service: 'it' };
    const connector = await connectorFor('sync', service);
    const { result, artifacts = [] } = await run(connector, { prompt: 'fog' });
    expect(result).toEqual({ seed: 7 });
    expect(artifacts[0]?.bytes).toBe(3);
    expect(local.requests[0]?.headers).toMatchObject({ accept: 'image/*' });
    filtered = true;
    expect(await failureOf(run(connector, { prompt: 'fog' }))).toMatchObject({ code: 'content_policy' });
  });

  test('Runway: a task, its states, an output elsewhere', async () => {
    const states = [{ status: 'THROTTLED' }, { status: 'RUNNING', progress: 0.5 }, { status: 'SUCCEEDED' }];
    const local = await serve((request, response) => {
      if (request.method === 'POST') return json(response, { id: 't1' });
      if (request.url === '/out.png') return void response.end('png');
      const state = states.shift() ?? { status: 'FAILED', failure: 'unsafe', failureCode: 'SAFETY.INPUT' };
      json(response, { id: 't1', output: [`${local.url}/out.png`], ...state });
    });
    const service = example('runway-image') as { async?: object; service: string };
    const quick = { ...service.async, poll: { interval: '10ms' } };
    const connector = await connectorFor('async', {
      ...service,
      async: quick,
      base_url: local.url,
      auth: { type: 'none' },
      service: 'it',
    });
    const { artifacts = [] } = await run(connector, { prompt: 'fog', ratio: '1:1', model: 'm' });
    expect(artifacts.map(({ name }) => name)).toEqual(['picture-1.png']);
    expect(local.requests[0]?.headers['x-runway-version']).toBe('2024-11-06');
    const refused = await failureOf(run(connector, { prompt: 'x', ratio: '1:1', model: 'm' }));
    expect(refused).toMatchObject({ code: 'content_policy', message: 'unsafe' });
  });
});
