import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { createFileArtifactStore } from '../../platform/artifacts/file-artifact-store.ts';
import type { ArtifactStore } from '../../platform/artifacts/artifact-store.ts';
import { createInputResolver, type InputResolverDeps } from '../../platform/inputs/create-input-resolver.ts';
import { InputError } from '../../platform/inputs/input-error.ts';

const MAX = 100_000;
const png = await sharp({ create: { width: 3, height: 2, channels: 3, background: 'teal' } })
  .png()
  .toBuffer();
let dir: string;
let store: ArtifactStore;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchyard-inputs-'));
  store = createFileArtifactStore(join(dir, 'store'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function open(reference: string, deps: Partial<InputResolverDeps> = {}, signal = new AbortController().signal) {
  const config = { inputRoots: [join(dir, 'allowed')], maxUploadBytes: MAX, allowPrivateInputUrls: true };
  return createInputResolver({ config, artifacts: store, projectDir: dir, ...deps }).open(
    reference,
    '/payload/image',
    signal,
  );
}

async function failure(opening: Promise<unknown>): Promise<InputError> {
  const outcome = await opening.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(InputError);
  const error = outcome as InputError;
  expect(error.errors).toEqual([expect.objectContaining({ pointer: '/payload/image' })]);
  expect(error.message.startsWith('/payload/image ')).toBe(true);
  return error;
}
const temporaryFiles = () => readdir(join(dir, 'store', 'tmp')).catch(() => []);

describe('artifact:', () => {
  test('comes from the store', async () => {
    const ref = await store.putOutput('job1', png, { name: 'a.png', maxBytes: MAX });
    const file = await open(ref.uri);
    expect(file).toEqual({
      path: await store.localPath(ref.uri),
      name: 'a.png',
      bytes: png.length,
      sha256: ref.sha256,
      mime: 'image/png',
    });
  });

  test('that is not there, or is no artifact at all', async () => {
    for (const uri of [`artifact:inputs/${'0'.repeat(64)}`, 'artifact:../../etc/passwd']) {
      expect((await failure(open(uri))).code).toBe('not_found');
    }
  });
});

describe('data:', () => {
  test('is decoded and typed by its content', async () => {
    const file = await open(`data:text/plain;base64,${png.toString('base64')}`);
    expect(file).toMatchObject({ mime: 'image/png', bytes: png.length });
    expect(await readFile(file.path)).toEqual(png);
  });

  test.each([
    ['data:image/png,plain', /base64/],
    ['data:image/png;base64,!!!!', /not base64/],
    ['data:image/png;base64,iVBORw0KGgo1x', /not base64/],
    ['data:', /data URL/],
  ])('%s is refused', async (reference, message) => {
    const error = await failure(open(reference));
    expect(error.code).toBe('validation');
    expect(error.message).toMatch(message);
  });

  test('over the cap', async () => {
    const reference = `data:;base64,${Buffer.alloc(MAX + 1).toString('base64')}`;
    expect((await failure(open(reference))).code).toBe('payload_too_large');
    const exact = `data:;base64,${Buffer.alloc(MAX).toString('base64')}`;
    expect((await open(exact)).bytes).toBe(MAX);
  });
});

describe('file:', () => {
  beforeEach(async () => {
    await mkdir(join(dir, 'allowed', 'sub'), { recursive: true });
    await writeFile(join(dir, 'allowed', 'sub', 'pic one.png'), png);
    await writeFile(join(dir, 'secret.txt'), 'secret');
    await symlink(join(dir, 'secret.txt'), join(dir, 'allowed', 'link.txt'));
    await symlink(dir, join(dir, 'allowed', 'up'));
    await symlink(join(dir, 'allowed', 'sub'), join(dir, 'allowed', 'inside'));
  });

  test.each([
    'file:allowed/sub/pic one.png',
    'file:FOLDER/allowed/sub/pic one.png',
    'file://FOLDER/allowed/sub/pic%20one.png',
    'file:allowed/inside/pic one.png',
  ])('%s is found', async (template) => {
    const file = await open(template.replace('FOLDER', dir));
    expect(file).toMatchObject({
      name: 'pic one.png',
      bytes: png.length,
      mime: 'image/png',
      sha256: createHash('sha256').update(png).digest('hex'),
    });
    expect(file.path).toBe(join(dir, 'allowed', 'sub', 'pic one.png'));
  });

  test.each([
    'file:secret.txt',
    'file:allowed/../secret.txt',
    'file:///etc/passwd',
    'file:///no/such/file',
    'file:allowed/link.txt',
    'file:allowed/up/secret.txt',
    'file:allowed',
    'file:allowed2/x',
  ])('%s lies outside, which names the setting', async (reference) => {
    const error = await failure(open(reference));
    expect(error.code).toBe('permission');
    expect(error.message).toContain('SWITCHYARD_INPUT_ROOTS');
    expect(error.message).toContain(join(dir, 'allowed'));
  });

  test('no roots: nothing is allowed', async () => {
    const config = { inputRoots: [], maxUploadBytes: MAX, allowPrivateInputUrls: false };
    expect((await failure(open('file:allowed/sub/pic one.png', { config }))).code).toBe('permission');
  });

  test.each([
    ['file:allowed/nothing.png', 'not_found'],
    ['file:allowed/sub', 'validation'],
    ['file:', 'validation'],
    ['file:allowed/a\0b', 'validation'],
    ['file://remote.example/allowed/x', 'validation'],
  ])('%j: %s', async (reference, code) => {
    expect((await failure(open(reference))).code).toBe(code);
  });

  test('over the cap', async () => {
    await writeFile(join(dir, 'allowed', 'big'), Buffer.alloc(MAX + 1));
    expect((await failure(open('file:allowed/big'))).code).toBe('payload_too_large');
  });
});

test.each(['picture.png', '', 'ftp://example.com/x', 'javascript:alert(1)', png.toString('base64')])(
  'what is no reference says what would be (%#)',
  async (reference) => {
    const error = await failure(open(reference));
    expect(error.code).toBe('validation');
    expect(error.message).toContain('artifact:');
    expect(error.message).toContain('https:');
  },
);

describe('http:', () => {
  let server: Server;
  let base: string;
  let port: number;
  let handler: (request: IncomingMessage, response: ServerResponse) => void;

  beforeAll(async () => {
    server = createServer((request, response) => handler(request, response));
    // All of 127.0.0.0/8, so that two of its addresses can stand for a public and a private host.
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    base = `http://127.0.0.1:${port}`;
  });
  afterAll(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  test('is loaded into the store, typed by content and named by its path', async () => {
    const seen: IncomingMessage[] = [];
    handler = (request, response) => {
      seen.push(request);
      response.writeHead(200, { 'content-type': 'text/html' }).end(png);
    };
    const file = await open(`${base}/some/ha%20fen.png?signature=abc`);
    expect(file).toMatchObject({ name: 'ha fen.png', mime: 'image/png', bytes: png.length });
    expect(await readFile(file.path)).toEqual(png);
    expect(seen[0]?.headers['accept-encoding']).toBe('identity');
    expect(await store.stat(`artifact:inputs/${file.sha256}`)).toBeDefined();
  });

  test('a host by name', async () => {
    handler = (_, response) => response.end('by name');
    expect((await open(`http://localhost:${port}/`)).bytes).toBe(7);
  });

  test('redirects are followed, five at most', async () => {
    handler = (request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('there');
      else response.writeHead([301, 302, 303, 307, 308][left % 5] ?? 302, { location: `/${left - 1}` }).end('moved');
    };
    expect((await open(`${base}/5`)).bytes).toBe(5);
    const error = await failure(open(`${base}/6`));
    expect(error).toMatchObject({ code: 'validation' });
    expect(error.message).toContain('redirected more than 5 times');
  });

  describe('addresses', () => {
    const publicOnly = {
      config: { inputRoots: [], maxUploadBytes: MAX, allowPrivateInputUrls: false },
    };

    test.each([
      '127.0.0.1',
      '[::1]',
      'localhost',
      '0x7f.1',
      '2130706433',
      '[::ffff:127.0.0.1]',
      '169.254.169.254',
      '10.1.2.3',
    ])('%s is refused unless private addresses are allowed', async (host) => {
      handler = (_, response) => response.end('reached');
      const error = await failure(open(`http://${host}:${port}/`, publicOnly));
      expect(error.code).toBe('permission');
      expect(error.message).toContain('SWITCHYARD_ALLOW_PRIVATE_INPUT_URLS');
    });

    test.each(['127.0.0.1', 'localhost'])('a redirect to %s is checked like a first address', async (host) => {
      const visited: string[] = [];
      handler = (request, response) => {
        visited.push(request.url ?? '');
        if (request.url === '/start') response.writeHead(302, { location: `http://${host}:${port}/secret` }).end();
        else response.end('secret');
      };
      const addressAllowed = (address: string) => address === '127.0.0.2';
      const error = await failure(open(`http://127.0.0.2:${port}/start`, { addressAllowed }));
      expect(error.code).toBe('permission');
      expect(visited).toEqual(['/start']);
    });

    test.each([
      'file:///etc/passwd',
      'data:text/plain,hello',
      'ftp://127.0.0.1/',
      'http://me:pw@127.0.0.1/',
      'http://%',
    ])('a redirect to %s is refused', async (location) => {
      handler = (_, response) => response.writeHead(302, { location }).end();
      expect((await failure(open(base))).code).toBe('validation');
    });

    test('credentials in an address are refused without showing them', async () => {
      const error = await failure(open(`http://me:s3cret@127.0.0.1:${port}/`));
      expect(error.code).toBe('validation');
      expect(error.message).not.toContain('s3cret');
    });
  });

  test.each([
    [404, 'not_found'],
    [403, 'permission'],
    [500, 'service_unavailable'],
    [400, 'validation'],
  ])('status %d is %s, and a signature in the query stays out of it', async (status, code) => {
    handler = (_, response) => response.writeHead(status).end('no');
    const error = await failure(open(`${base}/x?signature=s3cret`));
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('s3cret');
    expect(error.message).toContain(`answered ${status}`);
  });

  test('429 hands on Retry-After', async () => {
    handler = (_, response) => response.writeHead(429, { 'retry-after': '7' }).end();
    expect(await failure(open(base))).toMatchObject({ code: 'rate_limited', retry_after_ms: 7_000 });
  });

  test('too large by its own words: nothing is read', async () => {
    handler = (_, response) => response.writeHead(200, { 'content-length': MAX + 1 }).write('x');
    expect((await failure(open(base))).code).toBe('payload_too_large');
    expect(await temporaryFiles()).toEqual([]);
  });

  test('too large without a word: cut off at the cap', async () => {
    let closed!: Promise<unknown>;
    handler = (_, response) => {
      closed = once(response, 'close');
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    expect((await failure(open(base))).code).toBe('payload_too_large');
    await closed;
    expect(await temporaryFiles()).toEqual([]);
  });

  test('a server that never answers', async () => {
    handler = () => {};
    const error = await failure(open(base, { timeouts: { headersMs: 100 } }));
    expect(error.code).toBe('timeout');
  });

  test('a server that falls silent in the middle', async () => {
    handler = (_, response) => response.writeHead(200).write('some');
    expect((await failure(open(base, { timeouts: { bodyMs: 100 } }))).code).toBe('timeout');
    expect(await temporaryFiles()).toEqual([]);
  });

  test('a server that trickles is ended by the whole time', async () => {
    let trickle: NodeJS.Timeout | undefined;
    handler = (_, response) => {
      trickle = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(trickle));
    };
    const error = await failure(open(base, { timeouts: { bodyMs: 10_000, totalMs: 300 } }));
    expect(error.code).toBe('timeout');
    expect(error.message).toContain('more than 0.3 s');
    expect(await temporaryFiles()).toEqual([]);
  });

  test('a server that hangs up early is no complete file', async () => {
    handler = (_, response) => {
      response.writeHead(200, { 'content-length': 1_000 }).write('only this');
      setImmediate(() => response.destroy());
    };
    expect((await failure(open(base))).code).toBe('service_unavailable');
    expect(await temporaryFiles()).toEqual([]);
  });

  test('headers that never end', async () => {
    const sockets: Socket[] = [];
    const tcp = createTcpServer((socket) => {
      sockets.push(socket.on('error', () => {}));
      socket.write('HTTP/1.1 200 OK\r\n');
      const trickle = setInterval(() => socket.write('X-A: b\r\n'), 20);
      socket.on('close', () => clearInterval(trickle));
    });
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const url = `http://127.0.0.1:${(tcp.address() as AddressInfo).port}/`;
    try {
      expect((await failure(open(url, { timeouts: { headersMs: 300, totalMs: 20_000 } }))).code).toBe('timeout');
    } finally {
      for (const socket of sockets) socket.destroy();
      tcp.close();
    }
  });

  test('nobody there, and a name that does not exist', async () => {
    const unused = createTcpServer().listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const free = (unused.address() as AddressInfo).port;
    unused.close();
    await once(unused, 'close');
    expect((await failure(open(`http://127.0.0.1:${free}/`))).code).toBe('service_unavailable');
    expect((await failure(open('http://no-such-host.invalid/'))).code).toBe('service_unavailable');
  });

  test('cancel in the middle gives the very reason and leaves nothing', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    handler = (_, response) => {
      response.writeHead(200).write('some');
      setTimeout(() => controller.abort(reason), 20);
    };
    const outcome = await open(base, {}, controller.signal).catch((error: unknown) => error);
    expect(outcome).toBe(reason);
    expect(await temporaryFiles()).toEqual([]);
    expect(await open(base, {}, controller.signal).catch((error: unknown) => error)).toBe(reason);
  });
});
