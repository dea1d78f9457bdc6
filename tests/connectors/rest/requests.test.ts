import { describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobContext } from '../../../connectors/contract/job-context.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { bodyOf, failureOf, json, serve } from '../http/local-server.ts';
import { connectorFor, contentOf, run, testContext } from './harness.ts';

/** A server that gives back what it got. */
async function echo() {
  const bodies: string[] = [];
  const local = await serve(async (request, response) => {
    bodies.push(await bodyOf(request));
    json(response, { got: bodies.at(-1), type: request.headers['content-type'], url: request.url });
  });
  return { local, bodies };
}

/** A context whose inputs are files of these contents. */
async function contextWith(inputs: Record<string, { content: Buffer; name: string; mime: string }>) {
  const folder = temporaryFolder();
  const context = testContext();
  const openInput: JobContext['openInput'] = async (reference) => {
    const { content, name, mime } = inputs[reference]!;
    const path = join(folder, name);
    await writeFile(path, content);
    return { path, name, mime, bytes: content.length, sha256: 'x' };
  };
  return Object.assign(context, { openInput });
}

describe('requests', () => {
  test('path, query, headers and body from payload, params and job', async () => {
    const { local } = await echo();
    const connector = await connectorFor('sync', {
      base_url: `${local.url}/api/`,
      params: { model: 'm1', nested: { a: 1 } },
      headers: { 'x-always': 'yes' },
      request: {
        method: 'PUT',
        path: 'voices/{{ payload.voice }}/speak',
        query: { format: '{{ payload.format }}', speed: '{{ payload.speed }}', fixed: 1 },
        headers: { 'x-job': '{{ job.id }}', 'x-tenant': '{{ job.tenant }}' },
        body: { text: '{{ payload.text }}', model: '{{ params.model }}', deep: '{{ params.nested }}' },
      },
    });
    const { result } = await run(connector, { voice: 'ä/b', format: 'mp3', text: 'hi' }, { id: 'job7' });
    expect(result).toEqual({
      got: '{"text":"hi","model":"m1","deep":{"a":1}}',
      type: 'application/json',
      url: '/api/voices/%C3%A4%2Fb/speak?format=mp3&fixed=1',
    });
    expect(local.requests[0]?.headers).toMatchObject({ 'x-always': 'yes', 'x-job': 'job7' });
  });

  test('a body out of one expression, and a form', async () => {
    const { local } = await echo();
    const expression = await connectorFor('sync', {
      base_url: local.url,
      request: {
        path: '/',
        body_expression: '{ "words": $split(payload.text, " "), "n": $count($split(payload.text, " ")) }',
      },
    });
    expect(await run(expression, { text: 'a b c' })).toMatchObject({
      result: { got: '{"words":["a","b","c"],"n":3}' },
    });
    const form = await connectorFor('sync', {
      base_url: local.url,
      request: { path: '/', form: { text: '{{ payload.text }}', none: '{{ payload.none }}', n: 2 } },
    });
    expect(await run(form, { text: 'a&b=c' })).toMatchObject({
      result: { got: 'text=a%26b%3Dc&n=2', type: 'application/x-www-form-urlencoded' },
    });
  });

  test('inputs as data URL, as base64 and as a file of a form', async () => {
    const { local } = await echo();
    const picture = { content: Buffer.from('picture'), name: 'p"1.png', mime: 'image/png' };
    const context = await contextWith({ 'artifact:a': picture });
    const common = { base_url: local.url };
    const inline = await connectorFor('sync', {
      ...common,
      inputs: [{ field: 'image' }, { field: 'mask', as: 'base64' }, { field: 'absent' }],
      request: {
        path: '/',
        body: {
          url: '{{ inputs.image.data_url }}',
          mask: '{{ inputs.mask.base64 }}',
          no: '{{ inputs.absent.data_url }}',
        },
      },
    });
    const payload = { image: 'artifact:a', mask: 'artifact:a' };
    const { result } = await run(inline, payload, { context });
    expect(JSON.parse((result as { got: string }).got)).toEqual({
      url: `data:image/png;base64,${btoa('picture')}`,
      mask: btoa('picture'),
    });
    const form = await connectorFor('sync', {
      ...common,
      inputs: [{ field: 'image', as: 'file' }],
      request: { path: '/', multipart: { image: '@image', text: '{{ payload.text }}', n: '{{ 1 + 1 }}' } },
    });
    const sent = (await run(form, { ...payload, text: 'hi' }, { context })).result as { got: string; type: string };
    expect(sent.type).toMatch(/^multipart\/form-data; boundary=/);
    expect(sent.got).toContain('name="image"; filename="p%221.png"\r\nContent-Type: image/png\r\n\r\npicture\r\n');
    expect(sent.got).toContain('name="text"\r\n\r\nhi\r\n');
    expect(sent.got).toContain('name="n"\r\n\r\n2\r\n');
  });

  test('an input that is too large is refused by name', async () => {
    const { local, bodies } = await echo();
    const context = await contextWith({ 'artifact:a': { content: randomBytes(50), name: 'a', mime: 'x/y' } });
    const connector = await connectorFor('sync', {
      base_url: local.url,
      inputs: [{ field: 'image', max_bytes: 49 }],
      request: { path: '/' },
    });
    const error = await failureOf(run(connector, { image: 'artifact:a' }, { context }));
    expect(error).toMatchObject({ code: 'payload_too_large', errors: [{ pointer: '/payload/image' }] });
    expect(bodies).toEqual([]);
  });

  test('what cannot stand in a header is refused', async () => {
    const { local, bodies } = await echo();
    const connector = await connectorFor('sync', {
      base_url: local.url,
      request: { path: '/', headers: { 'x-name': '{{ payload.name }}' } },
    });
    const error = await failureOf(run(connector, { name: 'a\r\nx-admin: yes' }));
    expect(error).toMatchObject({ code: 'validation' });
    expect(error.message).toContain('it.request.headers.x-name');
    expect(bodies).toEqual([]);
  });
});

describe('answers', () => {
  const answering = async (body: unknown, response: object, more: object = {}) => {
    const local = await serve((_, answer) =>
      Buffer.isBuffer(body) ? void answer.end(body) : json(answer, body, 200, { 'x-seed': '7' }),
    );
    return connectorFor('sync', { base_url: local.url, request: { path: '/' }, response, ...more });
  };

  test('the whole JSON, a part of it, text', async () => {
    const body = { a: { b: [1, 2] }, text: 'x' };
    expect((await run(await answering(body, {}))).result).toEqual(body);
    expect(
      (await run(await answering(body, { result: '{ "sum": $sum(a.b), "of": $payload.x }' }), { x: 'y' })).result,
    ).toEqual({ sum: 3, of: 'y' });
    expect((await run(await answering('plain', { as: 'text', result: '$uppercase($)' }))).result).toBe('"PLAIN"');
  });

  test('files in base64 get names and leave the result', async () => {
    const context = testContext();
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
    const body = {
      images: [{ b64: png.toString('base64') }, { b64: `data:image/png;base64,${png.toString('base64')}` }],
    };
    const response = {
      artifacts: [{ from: 'base64', each: 'images.b64', name: '{{ payload.name }}-{{ index + 1 }}.png' }],
    };
    const { result, artifacts = [] } = await run(await answering(body, response), { name: 'cat' }, { context });
    expect(result).toBeUndefined();
    expect(artifacts.map(({ name }) => name)).toEqual(['cat-1.png', 'cat-2.png']);
    expect(await contentOf(context, artifacts[1]!.uri)).toEqual(png);
  });

  test('an answer that is a file goes to the store as it is', async () => {
    const content = randomBytes(200_000);
    const context = testContext();
    const response = {
      as: 'binary',
      artifacts: [{ from: 'body', name: 'a.mp3', mime: 'application/x-sound' }],
      result: 'status',
    };
    const { result, artifacts = [] } = await run(await answering(content, response), {}, { context });
    expect(result).toBe(200);
    expect(artifacts[0]).toMatchObject({ name: 'a.mp3', mime: 'application/x-sound', bytes: 200_000 });
    expect(await contentOf(context, artifacts[0]!.uri)).toEqual(content);
  });

  test.each([
    [{ images: [{ b64: '' }] }, 'names no file'],
    [{ images: [{ b64: 7 }] }, 'names no file'],
    [{ images: [{ b64: '!!!' }] }, 'is empty, or no base64'],
  ])('%j holds no picture', async (body, text) => {
    const response = { artifacts: [{ from: 'base64', each: 'images.b64', name: 'a.png' }] };
    const error = await failureOf(run(await answering(body, response)));
    expect(error).toMatchObject({ code: 'backend_error' });
    expect(error.message).toContain(text);
  });

  test('rules find errors in answers that look fine, and give others their right code', async () => {
    const errors = [
      { when: 'body.ok = false and body.why = "nsfw"', code: 'content_policy', message: '"Refused: " & body.why' },
      { when: 'body.ok = false', code: 'backend_error', retryable: false },
      { when: 'status = 401 and body.detail.status = "quota"', code: 'quota_exceeded' },
    ];
    const refused = await failureOf(run(await answering({ ok: false, why: 'nsfw' }, {}, { errors })));
    expect(refused).toMatchObject({ code: 'content_policy', message: 'Refused: nsfw' });
    expect(await failureOf(run(await answering({ ok: false }, {}, { errors })))).toMatchObject({
      code: 'backend_error',
      retryable: false,
    });
    const local = await serve((_, answer) => json(answer, { detail: { status: 'quota', message: 'spent' } }, 401));
    const connector = await connectorFor('sync', { base_url: local.url, request: { path: '/' }, errors });
    const spent = await failureOf(run(connector));
    expect(spent).toMatchObject({ code: 'quota_exceeded', retryable: false });
    expect(spent.message).toContain('spent');
  });
});
