import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { ArtifactTooLargeError, type ArtifactStore } from '../../platform/artifacts/artifact-store.ts';
import { createFileArtifactStore } from '../../platform/artifacts/file-artifact-store.ts';

const MAX = 1_000_000;
const HOUR = 3_600_000;
let root: string;
let store: ArtifactStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'switchyard-store-'));
  store = createFileArtifactStore(root, { inputRetentionMs: HOUR, staleTemporaryMs: HOUR });
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function textOf(stream: Readable | undefined): Promise<string> {
  if (!stream) throw new Error('nothing to read');
  return Buffer.concat(await stream.toArray()).toString();
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
}

describe('outputs', () => {
  test('are kept under the job, the hash and the name, and described without reading them again', async () => {
    const content = Buffer.from('a result');
    const sha256 = createHash('sha256').update(content).digest('hex');
    const ref = await store.putOutput('job1', Readable.from([content.subarray(0, 3), content.subarray(3)]), {
      name: 'notes.txt',
      meta: { lines: 1 },
      maxBytes: MAX,
    });
    expect(ref).toEqual({
      uri: `artifact:jobs/job1/${sha256.slice(0, 16)}/notes.txt`,
      name: 'notes.txt',
      sha256,
      bytes: 8,
      mime: 'text/plain',
      meta: { lines: 1 },
    });
    const path = join(root, 'jobs', 'job1', sha256.slice(0, 16), 'notes.txt');
    expect(await store.localPath(ref.uri)).toBe(path);
    expect(await readFile(path)).toEqual(content);
    expect(await store.stat(ref.uri)).toEqual(ref);
    expect(await textOf(await store.read(ref.uri))).toBe('a result');
    expect(await textOf(await store.read(ref.uri, { start: 2, end: 3 }))).toBe('re');
    expect(await textOf(await store.read(ref.uri, { start: 6 }))).toBe('lt');
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  test('another store on the same folder sees them', async () => {
    const ref = await store.putOutput('job1', Buffer.from('x'), { name: 'x', maxBytes: MAX });
    expect(await createFileArtifactStore(root).stat(ref.uri)).toEqual(ref);
  });

  test('the same content and name again is the same artifact; other content never replaces it', async () => {
    const put = (text: string) => store.putOutput('job1', Buffer.from(text), { name: 'a.txt', maxBytes: MAX });
    const [first, again, other] = [await put('one'), await put('one'), await put('two')];
    expect(again).toEqual(first);
    expect(other.uri).not.toBe(first.uri);
    expect(await textOf(await store.read(first.uri))).toBe('one');
    expect(await textOf(await store.read(other.uri))).toBe('two');
  });

  test('two names for one content stand side by side', async () => {
    const refs = await Promise.all(
      ['a.txt', 'b.txt'].map((name) => store.putOutput('job1', Buffer.from('same'), { name, maxBytes: MAX })),
    );
    expect((await Promise.all(refs.map((ref) => store.stat(ref.uri)))).map((ref) => ref?.name)).toEqual([
      'a.txt',
      'b.txt',
    ]);
  });

  test.each(['a/b c', '..', 'UPPER', 'ünï', '~x', '.hidden', 'j'.repeat(255), 'a\u0000b'])(
    'job id %j stays inside the store and is given back by a sweep',
    async (jobId) => {
      const ref = await store.putOutput(jobId, Buffer.from('x'), { name: 'x', maxBytes: MAX });
      const path = await store.localPath(ref.uri);
      expect(path?.startsWith(join(root, 'jobs') + '/')).toBe(true);
      expect(path?.split('/').length).toBe(join(root, 'jobs', 'j', 'h', 'x').split('/').length);
      await store.setExpiry(jobId, new Date(1_000));
      expect(await store.sweep(new Date(2_000))).toEqual([jobId]);
    },
  );
});

describe('a write that does not end well', () => {
  test('past the cap: ArtifactTooLargeError, the source is closed, nothing stays', async () => {
    const source = Readable.from(
      (function* () {
        while (true) yield Buffer.alloc(1_000);
      })(),
    );
    await expect(store.putOutput('job1', source, { name: 'big.bin', maxBytes: 10_000 })).rejects.toThrow(
      new ArtifactTooLargeError('big.bin', 10_000),
    );
    expect(source.destroyed).toBe(true);
    expect(await filesBelow(root)).toEqual([]);
  });

  test('aborted while the source is silent: the reason comes back, nothing stays', async () => {
    const controller = new AbortController();
    const source = new Readable({ read() {} });
    source.push('some');
    const put = store.putOutput('job1', source, { name: 'x', maxBytes: MAX, signal: controller.signal });
    const outcome = put.catch((error: unknown) => error);
    while ((await readdir(join(root, 'tmp')).catch(() => [])).length === 0) await delay(5);
    controller.abort(new Error('told to stop'));
    expect(await outcome).toEqual(new Error('told to stop'));
    expect(source.destroyed).toBe(true);
    expect(await filesBelow(root)).toEqual([]);
  });

  test('a source that breaks: its error comes back, nothing stays', async () => {
    const source = Readable.from(
      (function* () {
        yield Buffer.from('a');
        throw new Error('line dropped');
      })(),
    );
    await expect(store.putInput(source, { name: 'x', maxBytes: MAX })).rejects.toThrow('line dropped');
    expect(await filesBelow(root)).toEqual([]);
  });
});

test('a source that breaks before it is read: its error comes back as well, and brings down nothing', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const put = store.putInput(input, { name: 'x', maxBytes: MAX });
  input.destroy(new Error('hung up'));
  await expect(put).rejects.toThrow('hung up');
  const written = store.putOutput('job1', output, { name: 'x', maxBytes: MAX });
  output.destroy(new Error('hung up'));
  await expect(written).rejects.toThrow('hung up');
  expect(await filesBelow(root)).toEqual([]);
});

describe('what is refused', () => {
  test.each([
    'artifact:jobs/../../etc/passwd',
    'artifact:jobs/..%2f..%2fetc/0123456789abcdef/passwd',
    'artifact:jobs/job1/0123456789abcdef/..%2f..%2fsecret',
    'artifact:jobs/job1/0123456789abcdef/.a.txt.json',
    'artifact:jobs/job1/0123456789abcdef/%E0%A4%A',
    'artifact:inputs/../secret',
    'artifact:inputs/abc',
    'file:///etc/passwd',
    'artifact:',
  ])('%s is no artifact', async (uri) => {
    await store.putOutput('job1', Buffer.from('x'), { name: 'a.txt', maxBytes: MAX });
    expect(await store.stat(uri)).toBeUndefined();
    expect(await store.read(uri)).toBeUndefined();
    expect(await store.localPath(uri)).toBeUndefined();
  });

  test('a symbolic link in the place of a file or of a folder is not followed', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'switchyard-outside-'));
    try {
      await writeFile(join(outside, 'a.txt'), 'one');
      const ref = await store.putOutput('job1', Buffer.from('one'), { name: 'a.txt', maxBytes: MAX });
      const path = (await store.localPath(ref.uri)) as string;
      await rm(path);
      await symlink(join(outside, 'a.txt'), path);
      expect(await store.stat(ref.uri)).toBeUndefined();
      expect(await store.read(ref.uri)).toBeUndefined();

      await symlink(outside, join(root, 'jobs', 'job2'));
      await expect(store.putOutput('job2', Buffer.from('x'), { name: 'x', maxBytes: MAX })).rejects.toThrow(
        'symbolic link',
      );
      expect(await readdir(outside)).toEqual(['a.txt']);
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  test('a file cut short on disk is not handed out', async () => {
    const ref = await store.putOutput('job1', Buffer.from('whole'), { name: 'a.txt', maxBytes: MAX });
    await writeFile((await store.localPath(ref.uri)) as string, 'who');
    expect(await store.stat(ref.uri)).toBeUndefined();
  });
});

describe('the type of a file', () => {
  const typed = async (content: Buffer | string, mime?: string) =>
    (await store.putInput(Buffer.from(content), { name: 'x', mime, maxBytes: MAX })).mime;

  test('comes from the content, whatever was claimed', async () => {
    const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    expect(await typed(png, 'text/html')).toBe('image/png');
  });

  test.each([
    ['{"a": [1]}', undefined, 'application/json'],
    ['{"a": [1', undefined, 'text/plain'],
    ['hello', undefined, 'text/plain'],
    ['BM is no bitmap', undefined, 'text/plain'],
    ['a,b\n1,2\n', 'text/csv; charset=utf-8', 'text/csv'],
    ['<html><script>alert(1)</script></html>', undefined, 'text/plain'],
    ['<html></html>', 'text/html', 'text/html'],
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', undefined, 'text/plain'],
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml', 'image/svg+xml'],
    ['<?xml version="1.0"?><svg/>', 'image/svg+xml', 'image/svg+xml'],
    ['not a picture', 'image/png', 'text/plain'],
    ['not a type', 'text/html\r\nset-cookie: a=b', 'text/plain'],
    ['\u0000\u0001\u0002', 'text/plain', 'application/octet-stream'],
    ['\u0000\u0001\u0002', 'model/obj', 'model/obj'],
    ['', undefined, 'application/octet-stream'],
  ])('%j claimed as %s is %s', async (content, claimed, expected) => {
    expect(await typed(content, claimed)).toBe(expected);
  });
});

describe('inputs', () => {
  test('the same content twice is one file', async () => {
    const put = (name: string) => store.putInput(Buffer.from('same'), { name, maxBytes: MAX });
    expect((await put('a.txt')).uri).toBe((await put('b.txt')).uri);
    expect((await readdir(join(root, 'inputs'))).filter((name) => !name.startsWith('.'))).toHaveLength(1);
  });

  test('go when unused for the retention; a look keeps them', async () => {
    const put = (text: string) => store.putInput(Buffer.from(text), { name: 'x', maxBytes: MAX });
    const [used, unused] = [await put('used'), await put('unused')];
    const long = new Date(Date.now() - 2 * HOUR);
    for (const ref of [used, unused]) await utimes(join(root, 'inputs', ref.sha256), long, long);
    await store.localPath(used.uri);
    await store.sweep(new Date());
    expect(await store.stat(used.uri)).toBeDefined();
    expect(await store.stat(unused.uri)).toBeUndefined();
    expect((await filesBelow(join(root, 'inputs'))).toSorted()).toEqual(
      [`.${used.sha256}.json`, used.sha256].toSorted(),
    );
  });
});

describe('sweep', () => {
  test('removes the outputs of jobs past their expiry, whole, and no others', async () => {
    const put = (job: string) => store.putOutput(job, Buffer.from(job), { name: 'x', maxBytes: MAX });
    const [old, young, open] = [await put('old'), await put('young'), await put('open')];
    await store.setExpiry('old', new Date(1_000));
    await store.setExpiry('young', new Date(9_000));
    await store.setExpiry('no-outputs', new Date(1_000));
    expect(await store.sweep(new Date(5_000))).toEqual(['old']);
    expect(await store.stat(old.uri)).toBeUndefined();
    expect(await store.stat(young.uri)).toBeDefined();
    expect(await store.stat(open.uri)).toBeDefined();
    expect((await readdir(join(root, 'jobs'))).toSorted()).toEqual(['open', 'young']);
  });

  test('an output written after the expiry was noted does not lose the note', async () => {
    await store.putOutput('job1', Buffer.from('1'), { name: 'x', maxBytes: MAX });
    await store.setExpiry('job1', new Date(1_000));
    await store.putOutput('job1', Buffer.from('2'), { name: 'x', maxBytes: MAX });
    expect(await store.sweep(new Date(5_000))).toEqual(['job1']);
  });

  test('removes what a killed process left half-written, not what is being written', async () => {
    await store.sweep(new Date());
    const [stale, fresh] = [join(root, 'tmp', 'stale'), join(root, 'tmp', 'fresh')];
    await writeFile(stale, 'x');
    await writeFile(fresh, 'x');
    const long = new Date(Date.now() - 2 * HOUR);
    await utimes(stale, long, long);
    await store.sweep(new Date());
    expect(existsSync(stale)).toBe(false);
    expect(existsSync(fresh)).toBe(true);
  });

  test('two at once do not trip over each other', async () => {
    for (let i = 0; i < 20; i++) {
      await store.putOutput(`job${i}`, Buffer.from('x'), { name: 'x', maxBytes: MAX });
      await store.setExpiry(`job${i}`, new Date(1_000));
    }
    const other = createFileArtifactStore(root);
    const gone = (await Promise.all([store.sweep(new Date(2_000)), other.sweep(new Date(2_000))])).flat();
    expect(gone.toSorted()).toEqual(Array.from({ length: 20 }, (_, i) => `job${i}`).toSorted());
  });

  test('a foreign folder among the jobs is left alone', async () => {
    await store.sweep(new Date());
    await mkdir(join(root, 'jobs', 'not-ours'));
    expect(await store.sweep(new Date(9e12))).toEqual([]);
    expect(existsSync(join(root, 'jobs', 'not-ours'))).toBe(true);
  });
});
