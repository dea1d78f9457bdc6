import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { ArtifactRef } from '../../contract/artifact.ts';
import { downloadArtifact } from '../../cli/api-client/download.ts';
import { submitFiles } from '../../cli/api-client/submit-files.ts';
import { withRetries } from '../../cli/api-client/with-retries.ts';
import type { UploadFile } from '../../cli/input/inputs.ts';
import { exampleJob } from './job-examples.ts';
import { httpDouble, problem, type HttpDouble } from './http-double.ts';

let server: HttpDouble | undefined;
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-cli-'));
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function file(field: string, name: string, content: Buffer): Promise<UploadFile> {
  const path = join(folder, name);
  await writeFile(path, content);
  return { field, path, name, bytes: content.length };
}

/** As the API reads it: a field for the document, files as streams. */
async function readForm(request: IncomingMessage) {
  const form = new Busboy({ headers: request.headers as BusboyHeaders });
  const fields: Record<string, string> = {};
  const files: Record<string, { name: string; content: Buffer }> = {};
  const pending: Promise<void>[] = [];
  form.on('field', (name, value) => (fields[name] = value));
  form.on('file', (name, content, fileName) => {
    pending.push(buffer(content).then((bytes) => void (files[name] = { name: fileName, content: bytes })));
  });
  await new Promise((resolve, reject) => {
    form.on('finish', resolve).on('error', reject);
    request.pipe(form);
  });
  await Promise.all(pending);
  return { fields, files };
}

describe('submitting files', () => {
  test('sends the document and every byte, with the length told beforehand', async () => {
    const large = Buffer.alloc(3_000_000, 'switchyard');
    const files = [await file('image', 'a "quoted" näme.png', large), await file('mask', 'empty.png', Buffer.alloc(0))];
    let form: Awaited<ReturnType<typeof readForm>> | undefined;
    server = await httpDouble((request, response) => {
      void readForm(request).then((read) => {
        form = read;
        response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(exampleJob()));
      });
    });
    let sent = 0;
    const job = await submitFiles(server.api, { service: 'upscale', payload: { scale: 4 } }, files, {
      idempotencyKey: 'key',
      waitSeconds: 5,
      onBytes: (bytes) => (sent += bytes),
    });
    expect(job).toEqual(exampleJob());
    expect(JSON.parse(form?.fields['job'] ?? '')).toEqual({ service: 'upscale', payload: { scale: 4 } });
    expect(form?.files['image']?.content.equals(large)).toBe(true);
    expect(form?.files['mask']?.content).toHaveLength(0);
    expect(sent).toBe(large.length);
    const { headers } = server.requests[0]!;
    expect(headers['transfer-encoding']).toBeUndefined();
    expect(Number(headers['content-length'])).toBeGreaterThan(large.length);
    expect(headers).toMatchObject({ 'idempotency-key': 'key', prefer: 'wait=5' });
  });

  test('a refusal that comes before all is sent is read, not taken for a broken connection', async () => {
    server = await httpDouble((_request, response) => {
      problem(response, 413, 'payload_too_large', 'The file is over the limit', { connection: 'close' });
    });
    const files = [await file('image', 'large.bin', Buffer.alloc(20_000_000))];
    await expect(submitFiles(server.api, { service: 'x' }, files)).rejects.toMatchObject({
      exitCode: 2,
      message: 'The file is over the limit',
    });
  });

  test('a file that has become shorter breaks the request off', async () => {
    let complete = false;
    server = await httpDouble((request) => {
      request.on('end', () => (complete = true)).resume();
    });
    const short = await file('image', 'short.bin', Buffer.alloc(100_000));
    await truncate(short.path, 50_000);
    await expect(submitFiles(server.api, { service: 'x' }, [short])).rejects.toThrow('became shorter');
    expect(complete).toBe(false);
  });

  test('a connection that breaks, and an address where nobody listens', async () => {
    server = await httpDouble((_request, response) => response.destroy());
    const files = [await file('image', 'x.bin', Buffer.alloc(10))];
    await expect(submitFiles(server.api, { service: 'x' }, files)).rejects.toMatchObject({
      exitCode: 7,
      refused: false,
    });
    await server.close();
    await expect(submitFiles(server.api, { service: 'x' }, files)).rejects.toMatchObject({
      exitCode: 7,
      refused: true,
    });
  });
});

describe('trying again', () => {
  test('as long as it can help', async () => {
    const pauses: number[] = [];
    server = await httpDouble((_request, response, count) => {
      if (count === 1) problem(response, 503, 'service_unavailable', 'away', { 'retry-after': '0' });
      else if (count === 2) response.destroy();
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
    });
    const ask = () => server!.api.json('/jobs', { method: 'POST', body: {} });
    expect(await withRetries(ask, (_error, pause) => pauses.push(pause))).toEqual({ ok: true });
    expect(pauses).toHaveLength(2);
  });

  test('not when the answer will stay the same', async () => {
    server = await httpDouble((_request, response) => problem(response, 422, 'validation', 'no'));
    const ask = () => server!.api.json('/jobs', { method: 'POST', body: {} });
    await expect(withRetries(ask, () => {})).rejects.toMatchObject({ exitCode: 2 });
    expect(server.requests).toHaveLength(1);
  });

  test('not where something else answers', async () => {
    server = await httpDouble((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    );
    await expect(
      withRetries(
        () => server!.api.json('/jobs'),
        () => {},
      ),
    ).rejects.toMatchObject({
      exitCode: 7,
      message: expect.stringContaining('not like Switchyard'),
    });
    expect(server.requests).toHaveLength(1);
  });
});

describe('fetching artifacts', () => {
  const content = Buffer.alloc(1_500_000, 'pixels');
  const ref: ArtifactRef = {
    uri: 'artifact:jobs/j/0123456789abcdef/out.png',
    name: 'out.png',
    sha256: createHash('sha256').update(content).digest('hex'),
    bytes: content.length,
    mime: 'image/png',
  };
  const serve = async (bytes: Buffer) => {
    server = await httpDouble((_request, response) =>
      response.writeHead(200, { 'content-type': 'image/png' }).end(bytes),
    );
    return server;
  };

  test('puts the file there, complete, and makes the folder', async () => {
    const { api, requests } = await serve(content);
    const out = join(folder, 'new', 'folder');
    const path = await downloadArtifact(api, 'a/b', ref, out);
    expect(path).toBe(join(out, 'out.png'));
    expect((await readFile(path)).equals(content)).toBe(true);
    expect(await readdir(out)).toEqual(['out.png']);
    expect(requests[0]?.url).toBe('/api/jobs/a%2Fb/artifacts/out.png');
  });

  test('damaged bytes leave nothing behind', async () => {
    const { api } = await serve(Buffer.alloc(content.length, 'other!'));
    await expect(downloadArtifact(api, 'j', ref, folder)).rejects.toThrow('arrived damaged');
    expect(await readdir(folder)).toEqual([]);
  });

  test('a connection that breaks off is tried again', async () => {
    server = await httpDouble((_request, response, count) => {
      response.writeHead(200, { 'content-length': content.length });
      if (count > 1) return response.end(content);
      response.write(content.subarray(0, 1_000), () => response.destroy());
    });
    expect((await readFile(await downloadArtifact(server.api, 'j', ref, folder))).equals(content)).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  test('a file of the user is not touched; the same content is not fetched twice', async () => {
    const { api, requests } = await serve(content);
    await writeFile(join(folder, 'out.png'), 'mine');
    expect(await downloadArtifact(api, 'j', ref, folder)).toBe(join(folder, 'out-2.png'));
    expect(await downloadArtifact(api, 'j', ref, folder)).toBe(join(folder, 'out-2.png'));
    expect(await readFile(join(folder, 'out.png'), 'utf8')).toBe('mine');
    expect(requests).toHaveLength(1);
  });

  test('a name that would leave the folder does not', async () => {
    const { api } = await serve(content);
    const path = await downloadArtifact(api, 'j', { ...ref, name: '../../.bashrc' }, join(folder, 'out'));
    expect(path).toBe(join(folder, 'out', 'bashrc'));
    expect(await readdir(folder)).toEqual(['out']);
  });
});
