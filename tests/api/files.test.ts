import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { ArtifactRef } from '../../contract/artifact.ts';
import type { JobView } from '../../contract/job-view.ts';
import type { Catalog } from '../../platform/catalog/catalog.ts';
import { scriptedCatalog, scriptedManifest } from '../harness/in-process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { ApiFixture } from './api-fixture.ts';

/** Well formed; the scripted connector opens none. */
const REFERENCE = `artifact:inputs/${'0'.repeat(64)}`;
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** The scripted service, with an input. */
function catalogWithInput(): Catalog {
  const base = scriptedCatalog();
  const service = base.services.get('scripted')!;
  const manifest = {
    ...scriptedManifest,
    payload: z.strictObject({ image: z.string(), text: z.string().optional() }) as z.ZodType<Record<string, unknown>>,
    inputs: [{ field: 'image', description: 'A picture', mime: ['image/png', 'image/jpeg'], required: true }],
  };
  return { ...base, services: new Map([['scripted', { ...service, manifest }]]) };
}

let api: ApiFixture;

beforeAll(async () => {
  api = await ApiFixture.start({ catalog: catalogWithInput(), env: { SWITCHYARD_MAX_UPLOAD_BYTES: '100000' } });
});
afterAll(() => api.stop());
beforeEach(() => {
  api.stack.connector.script = async () => 'done';
});

function form(document: unknown, files: [field: string, content: Buffer, name: string][] = []): FormData {
  const body = new FormData();
  if (document !== undefined) body.set('job', JSON.stringify(document));
  for (const [field, content, name] of files) body.append(field, new Blob([new Uint8Array(content)]), name);
  return body;
}

async function submitForm(body: FormData, headers: Record<string, string> = {}): Promise<Response> {
  return api.fetch('/api/jobs', { method: 'POST', body, headers });
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Nothing half-written is left in the store. */
async function temporaries(): Promise<string[]> {
  const all = await readdir(join(api.stack.dataDir, 'artifacts'), { recursive: true }).catch(() => [] as string[]);
  return all.filter((name) => /(^|\/)(tmp|temporary)\/./.test(name) || name.endsWith('.tmp'));
}

describe('a job with its files', () => {
  test('the file goes to the store and its reference into the payload', async () => {
    let seen: unknown;
    api.stack.connector.script = async (job) => {
      seen = job.payload['image'];
      return 'ok';
    };
    const response = await submitForm(
      form({ service: 'scripted', payload: { text: 'x' } }, [['image', PNG, 'pic.png']]),
      {
        prefer: 'wait=20',
      },
    );
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({
      status: 'completed',
      payload: { text: 'x', image: `artifact:inputs/${sha256(PNG)}` },
    });
    expect(seen).toBe(`artifact:inputs/${sha256(PNG)}`);
  });

  test('under one Idempotency-Key the same file is the same request, another file is not', async () => {
    const headers = { 'idempotency-key': 'with-file' };
    const document = { service: 'scripted', payload: {} };
    const first = await submitForm(form(document, [['image', PNG, 'a.png']]), headers);
    const again = await submitForm(form(document, [['image', PNG, 'b.png']]), headers);
    expect([first.status, again.status]).toEqual([201, 200]);
    const other = await submitForm(form(document, [['image', Buffer.concat([PNG, PNG]), 'a.png']]), headers);
    expect(other.status).toBe(422);
  });

  test.each<[string, () => FormData, number, object]>([
    ['no document', () => form(undefined, [['image', PNG, 'a.png']]), 400, { code: 'malformed' }],
    [
      'a field that takes no file',
      () => form({ service: 'scripted' }, [['text', PNG, 'a.png']]),
      422,
      { errors: [{ pointer: '/payload/text' }] },
    ],
    [
      'text instead of a picture',
      () => form({ service: 'scripted' }, [['image', Buffer.from('hello'), 'a.png']]),
      422,
      { errors: [{ pointer: '/payload/image', detail: 'is text/plain' }] },
    ],
    [
      'an empty file',
      () => form({ service: 'scripted' }, [['image', Buffer.alloc(0), 'a.png']]),
      422,
      { errors: [{ pointer: '/payload/image', detail: 'is an empty file' }] },
    ],
    [
      'the input twice',
      () => form({ service: 'scripted', payload: { image: 'x' } }, [['image', PNG, 'a.png']]),
      422,
      { errors: [{ pointer: '/payload/image' }] },
    ],
    [
      'two files for one input',
      () =>
        form({ service: 'scripted' }, [
          ['image', PNG, 'a.png'],
          ['image', PNG, 'b.png'],
        ]),
      422,
      { errors: [{ pointer: '/payload/image', detail: 'has more than one file' }] },
    ],
    [
      'an unknown service',
      () => form({ service: 'none' }, [['image', PNG, 'a.png']]),
      422,
      { errors: [{ pointer: '/service' }] },
    ],
    [
      'a file too large',
      () => form({ service: 'scripted' }, [['image', randomBytes(200_000), 'a.png']]),
      413,
      { code: 'payload_too_large' },
    ],
    [
      'too many files',
      () =>
        form(
          { service: 'scripted' },
          Array.from({ length: 33 }, () => ['image', PNG, 'a.png']),
        ),
      413,
      { code: 'payload_too_large' },
    ],
  ])('%s', async (_name, body, status, document) => {
    const response = await submitForm(body());
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject(document);
    expect(await temporaries()).toEqual([]);
  });

  test.each([
    ['no boundary', 'multipart/form-data', 'x'],
    [
      'no end',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nhalf',
    ],
    ['nothing', 'multipart/form-data; boundary=b', ''],
    [
      'a part without a name',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data\r\n\r\n{}\r\n--b--\r\n',
    ],
    [
      'a file without a name',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; filename="a.png"\r\n\r\nfile\r\n--b--\r\n',
    ],
    [
      'a job that is no JSON',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="job"\r\n\r\n{"a":}\r\n--b--\r\n',
    ],
  ])('a broken form, %s: 400', async (_name, type, body) => {
    const response = await api.fetch('/api/jobs', { method: 'POST', headers: { 'content-type': type }, body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'malformed' });
    expect(await temporaries()).toEqual([]);
  });

  test('a client that hangs up in the middle of a file leaves nothing', async () => {
    const { hostname, port } = new URL(api.url);
    const before = await readdir(join(api.stack.dataDir, 'artifacts', 'inputs')).catch(() => []);
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          'POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 90000\r\n\r\n' +
            '--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\nhalf of a file',
          () => socket.destroy(),
        );
      });
      socket.on('close', () => resolve()).on('error', reject);
    });
    // The next request comes after it on the same server.
    expect((await api.fetch('/livez')).status).toBe(200);
    expect(await readdir(join(api.stack.dataDir, 'artifacts', 'inputs')).catch(() => [])).toEqual(before);
  });
});

describe('POST /api/inputs', () => {
  test('a raw body and a form give the same reference', async () => {
    const raw = await api.fetch('/api/inputs?name=my%20pic.png', {
      method: 'POST',
      body: new Uint8Array(PNG),
      headers: { 'content-type': 'image/png' },
    });
    expect(raw.status).toBe(201);
    const artifact = (await raw.json()) as ArtifactRef;
    expect(artifact).toMatchObject({ name: 'my pic.png', mime: 'image/png', bytes: PNG.length, sha256: sha256(PNG) });
    const body = new FormData();
    body.set('file', new Blob([new Uint8Array(PNG)]), 'other.png');
    const again = (await (await api.fetch('/api/inputs', { method: 'POST', body })).json()) as ArtifactRef;
    expect(again.uri).toBe(artifact.uri);
    const job = await api.submit({ payload: { image: artifact.uri } });
    expect(job.payload).toEqual({ image: artifact.uri });
  });

  test('a client that hangs up is no fault of ours', async () => {
    const { hostname, port } = new URL(api.url);
    const refused = async (code: string) =>
      Number(
        new RegExp(`problems_total\\{code="${code}"\\} (\\d+)`).exec(await (await api.fetch('/metrics')).text())?.[1] ??
          0,
      );
    const before = [await refused('malformed'), await refused('internal')];
    const socket = connect(Number(port), hostname, () => {
      const head =
        'POST /api/inputs HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 90000\r\n\r\n';
      socket.write(`${head}half of a file`, () => socket.destroy());
    });
    await waitUntil(async () => (await refused('malformed')) > before[0]!);
    expect(await refused('internal')).toBe(before[1]);
  });

  test('a lie about the type is seen through', async () => {
    const response = await api.fetch('/api/inputs', {
      method: 'POST',
      body: '<script>alert(1)</script>',
      headers: { 'content-type': 'image/png' },
    });
    expect(((await response.json()) as ArtifactRef).mime).toBe('text/plain');
  });

  test.each([
    ['announced', { 'content-length': '200000' }],
    ['not announced', {}],
  ])('too large, %s: 413, and the answer arrives', async (_name, headers: Record<string, string>) => {
    const chunks = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < 20; sent++) controller.enqueue(randomBytes(10_000));
        controller.close();
      },
    });
    const response = await api.fetch('/api/inputs', {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/octet-stream' },
      body: headers['content-length'] ? new Uint8Array(200_000) : chunks,
      duplex: 'half',
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'payload_too_large' });
    expect(await temporaries()).toEqual([]);
  });

  test('compressed bodies are refused', async () => {
    const response = await api.fetch('/api/inputs', {
      method: 'POST',
      body: 'x',
      headers: { 'content-encoding': 'gzip' },
    });
    expect(response.status).toBe(415);
  });
});

describe('artifacts', () => {
  let job: JobView;
  const text = Buffer.from('0123456789'.repeat(10));

  beforeAll(async () => {
    api.stack.connector.script = async (_job, _progress, context) => {
      await context.writeOutput(PNG, { name: 'picture.png' });
      return 'ok';
    };
    const answered = await api.post(
      '/api/jobs',
      { service: 'scripted', payload: { image: REFERENCE } },
      { prefer: 'wait=20' },
    );
    const { id } = (await answered.json()) as JobView;
    // The harness's connector names no artifacts in its result: a job that does, made by hand.
    const png = await api.artifacts.putOutput(id, PNG, { name: 'picture.png', maxBytes: 1_000 });
    const note = await api.artifacts.putOutput(id, text, { name: 'notes ü.txt', maxBytes: 1_000 });
    const page = await api.artifacts.putOutput(id, Buffer.from('<p>hi'), {
      name: 'page.html',
      mime: 'text/html',
      maxBytes: 1_000,
    });
    job = await withArtifacts([png, note, page]);
  });

  async function withArtifacts(artifacts: ArtifactRef[]): Promise<JobView> {
    api.stack.connector.processJob = async (data) => ({
      job_id: data.id,
      status: 'completed',
      result: 'ok',
      artifacts,
    });
    const response = await api.post(
      '/api/jobs',
      { service: 'scripted', payload: { image: REFERENCE } },
      { prefer: 'wait=20' },
    );
    return (await response.json()) as JobView;
  }

  const path = (name: string) => `/api/jobs/${job.id}/artifacts/${encodeURIComponent(name)}`;

  test('are listed with the job', async () => {
    const { artifacts } = await api.json<{ artifacts: ArtifactRef[] }>(`/api/jobs/${job.id}/artifacts`);
    expect(artifacts.map((one) => one.name)).toEqual(['picture.png', 'notes ü.txt', 'page.html']);
    expect(job.artifacts).toEqual(artifacts);
  });

  test('are sent whole, named, typed and confined', async () => {
    const response = await api.fetch(path('picture.png'));
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(PNG);
    const header = (name: string) => response.headers.get(name);
    expect(header('content-type')).toBe('image/png');
    expect(header('content-length')).toBe(String(PNG.length));
    expect(header('etag')).toBe(`"${sha256(PNG)}"`);
    expect(header('x-content-type-options')).toBe('nosniff');
    expect(header('content-security-policy')).toContain('sandbox');
    expect(header('content-disposition')).toMatch(/^inline; filename="picture.png"/);
    const saved = await api.fetch(`${path('picture.png')}?download=true`);
    expect(saved.headers.get('content-disposition')).toMatch(/^attachment/);
    await saved.arrayBuffer();
  });

  test('what could run in a browser is only saved', async () => {
    const response = await api.fetch(path('page.html'));
    expect(response.headers.get('content-disposition')).toMatch(/^attachment/);
    await response.text();
  });

  test('HEAD tells all but the content', async () => {
    const response = await api.fetch(path('notes ü.txt'), { method: 'HEAD', headers: { range: 'bytes=0-1' } });
    expect([response.status, response.headers.get('content-length')]).toEqual([200, '100']);
  });

  test('parts', async () => {
    const part = await api.fetch(path('notes ü.txt'), { headers: { range: 'bytes=5-12' } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
      206,
      'bytes 5-12/100',
      '56789012',
    ]);
    const end = await api.fetch(path('notes ü.txt'), { headers: { range: 'bytes=-3' } });
    expect([end.status, await end.text()]).toEqual([206, '789']);
    const outside = await api.fetch(path('notes ü.txt'), { headers: { range: 'bytes=100-' } });
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, 'bytes */100']);
    expect(await outside.json()).toMatchObject({ code: 'validation', status: 416 });
    const other = await api.fetch(path('notes ü.txt'), { headers: { range: 'bytes=0-1', 'if-range': '"other"' } });
    expect([other.status, (await other.text()).length]).toEqual([200, 100]);
  });

  test('what a client has already is not sent again', async () => {
    const headers = { 'if-none-match': `W/"x", "${sha256(text)}"` };
    const response = await api.fetch(path('notes ü.txt'), { headers });
    expect([response.status, await response.text()]).toEqual([304, '']);
  });

  test.each(['nothing.png', '..%2f..%2fetc%2fpasswd', '%2e%2e'])('no artifact %s: 404', async (name) => {
    const response = await api.fetch(`/api/jobs/${job.id}/artifacts/${name}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'not_found' });
  });

  test('one that was removed says so', async () => {
    const gone = await withArtifacts([{ ...job.artifacts[0]!, uri: `artifact:jobs/x/${'0'.repeat(16)}/picture.png` }]);
    const response = await api.fetch(`/api/jobs/${gone.id}/artifacts/picture.png`);
    expect(response.status).toBe(404);
    expect(((await response.json()) as { detail: string }).detail).toContain('removed');
  });
});

describe('logs', () => {
  test('lines about a job from all files, in order, the latest when there are many', async () => {
    const { id } = await api.submit({ payload: { image: REFERENCE } });
    const none = await api.json<{ logs: unknown[]; note: string }>(`/api/jobs/${id}/logs`);
    expect(none.logs).toEqual([]);
    expect(none.note).toContain('no log files');
    const folder = join(api.stack.dataDir, 'logs');
    await mkdir(folder, { recursive: true });
    const line = (second: number, more: object) =>
      JSON.stringify({ level: 'info', time: `2026-01-01T00:00:0${second}.000Z`, name: 'worker', pid: 1, ...more });
    await writeFile(
      join(folder, 'worker.log'),
      [
        line(3, { job_id: id, msg: 'three' }),
        line(1, { job_id: id, msg: 'one' }),
        line(2, { job_id: 'other', msg: id }),
        '{"broken',
        '',
      ].join('\n'),
    );
    await writeFile(join(folder, 'api.log.1'), `${line(2, { job_id: id, msg: 'two', attempt: 4 })}\n`);
    const { logs } = await api.json<{ logs: { message: string }[] }>(`/api/jobs/${id}/logs`);
    expect(logs.map((one) => one.message)).toEqual(['one', 'two', 'three']);
    expect(logs[1]).toMatchObject({ level: 'info', attempt: 4, name: 'worker' });
    const last = await api.json<{ logs: { message: string }[] }>(`/api/jobs/${id}/logs?limit=1`);
    expect(last.logs.map((one) => one.message)).toEqual(['three']);
    await rm(folder, { recursive: true });
  });
});
