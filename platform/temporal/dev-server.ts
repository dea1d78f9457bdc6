import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { devServerArgs } from './dev-server-flags.ts';

export interface DevServerOptions {
  /** Path of the `temporal` program. */
  binary: string;
  port: number;
  /** Port of the Web UI; without it the server runs headless. */
  uiPort?: number;
  /** SQLite file, made when missing (its folder must exist); without it everything is in memory. */
  dbFile?: string;
  /** Default: `default`. */
  namespace?: string;
  /** Default: 127.0.0.1. */
  ip?: string;
  /** Where the server's own log goes (appended); without it the last lines are kept for error messages only. */
  logFile?: string;
  /** Default: warn. */
  logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'never';
  /** More arguments for `temporal server start-dev`; later ones win over ours. */
  extraArgs?: readonly string[];
  /** A process group of its own, so that Ctrl-C in the terminal does not reach it. Default: false. */
  detached?: boolean;
  /** Told the process id as soon as there is one, before the server is ready. */
  onSpawn?: (pid: number) => void;
  /** Aborted while it is starting: it is killed, and the promise rejects. */
  signal?: AbortSignal;
  /** How long it may take to become ready, milliseconds. Default: 60 s. */
  readyTimeoutMs?: number;
}

export interface DevServerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface DevServer {
  /** host:port of the gRPC front-end. */
  readonly address: string;
  readonly uiUrl: string | undefined;
  readonly pid: number;
  readonly process: ChildProcess;
  /** Settles when the process is gone, for whatever reason. */
  readonly exited: Promise<DevServerExit>;
  /** Asks it to stop, and kills it after `graceMs` (default 10 s). */
  stop(graceMs?: number): Promise<void>;
  /** Kills it as a crash would. */
  kill(): Promise<void>;
}

/**
 * Starts an embedded Temporal and waits until it answers for the namespace.
 * @throws Error with the last lines of its log when it exits or does not answer in time
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { ip = '127.0.0.1', namespace = 'default', port, uiPort } = options;
  const args = devServerArgs({
    ip,
    port,
    uiPort,
    dbFile: options.dbFile,
    namespace,
    logLevel: options.logLevel ?? 'warn',
    extraArgs: options.extraArgs ?? [],
  });
  const log = openLog(options.logFile);
  const child = spawn(options.binary, args, {
    stdio: ['ignore', log.stdio, log.stdio],
    detached: options.detached ?? false,
    env: withoutTemporalSettings(process.env),
  });
  log.follow(child);
  const exited = new Promise<DevServerExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  await spawned(child, options.binary);
  const pid = child.pid as number;
  options.onSpawn?.(pid);
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  const server: DevServer = {
    address: `${ip}:${port}`,
    uiUrl: uiPort === undefined ? undefined : `http://${ip}:${uiPort}`,
    pid,
    process: child,
    exited,
    kill,
    async stop(graceMs = 10_000) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
  try {
    await untilReady(server, ip, port, namespace, options);
  } catch (error) {
    await kill();
    const said = log.tail();
    throw new Error(
      `The embedded Temporal did not start (${args.slice(0, 6).join(' ')}): ${(error as Error).message}${said ? `\nIts last words:\n${said}` : ''}`,
      { cause: error },
    );
  }
  return server;
}

function spawned(child: ChildProcess, binary: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new Error(`${binary} cannot be run: ${error.message}`)));
  });
}

/** A user's TEMPORAL_ADDRESS, namespace or profile are meant for clients; a server must not take them up. */
function withoutTemporalSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}

async function untilReady(
  server: DevServer,
  ip: string,
  port: number,
  namespace: string,
  { readyTimeoutMs: timeoutMs = 60_000, signal }: DevServerOptions,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let gone: DevServerExit | undefined;
  void server.exited.then((exit) => {
    gone = exit;
  });
  let last = 'it never listened on its port';
  while (Date.now() < deadline) {
    signal?.throwIfAborted();
    if (gone) throw new Error(`it exited with ${gone.signal ?? `status ${gone.code}`}`);
    try {
      // The port first: a gRPC channel that was refused once waits a second before it tries again.
      await accepts(ip, port);
      await answers(server.address, namespace);
      return;
    } catch (error) {
      last = (error as Error).message;
      await sleep(25);
    }
  }
  throw new Error(`it was not ready within ${Math.round(timeoutMs / 1_000)} s (${last})`);
}

function accepts(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

async function answers(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 2_000 });
  try {
    await connection.withDeadline(Date.now() + 2_000, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
  } finally {
    await connection.close();
  }
}

function openLog(file: string | undefined) {
  const KEPT = 20;
  if (file === undefined) {
    let kept: string[] = [];
    return {
      stdio: 'pipe' as const,
      follow(child: ChildProcess) {
        for (const stream of [child.stdout, child.stderr]) {
          stream?.setEncoding('utf8').on('data', (text: string) => {
            kept = [...kept, ...text.split('\n').filter(Boolean)].slice(-KEPT);
          });
        }
      },
      tail: () => kept.join('\n'),
    };
  }
  mkdirSync(dirname(file), { recursive: true });
  const fd = openSync(file, 'a');
  return {
    stdio: fd,
    // The child has its own copy of the descriptor by now.
    follow: () => closeSync(fd),
    tail: () => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-KEPT).join('\n'),
  };
}
