import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { withFileLock } from '../../platform/processes/file-lock.ts';
import { freePort } from '../../platform/processes/free-port.ts';
import { cacheFolder } from '../../platform/temporal/binary/server-module.ts';
import { waitUntil } from './wait-until.ts';

const run = promisify(execFile);

/** The server and its tool, which checks configuration, rules and metrics. */
export interface PrometheusPrograms {
  prometheus: string;
  promtool: string;
}

/**
 * The real programs: from PATH, our cache, else unpacked from Debian's package, which needs no rights.
 * @returns the reason in words where there is no way to get them on this machine
 */
export async function findPrometheus(): Promise<PrometheusPrograms | { why: string }> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const found = folder && inFolder(folder);
    if (found) return found;
  }
  const cache = cacheFolder(process.env);
  const target = join(cache, `prometheus-${process.platform}-${process.arch}`);
  await mkdir(cache, { recursive: true });
  return withFileLock(
    `${target}.lock`,
    () => {},
    async () => {
      const cached = inFolder(target);
      if (cached) return cached;
      try {
        await unpackDebian(target);
        return inFolder(target)!;
      } catch (error) {
        return {
          why: `no prometheus on PATH, and Debian's package cannot be had: ${(error as Error).message.split('\n')[0]}`,
        };
      }
    },
  );
}

function inFolder(folder: string): PrometheusPrograms | undefined {
  const programs = { prometheus: join(folder, 'prometheus'), promtool: join(folder, 'promtool') };
  return Object.values(programs).every((path) => existsSync(path)) ? programs : undefined;
}

/** With package lists of its own, so that neither the machine's nor root's rights are needed. */
async function unpackDebian(target: string): Promise<void> {
  const folder = await mkdtemp(`${target}-`);
  try {
    const state = join(folder, 'state');
    const archives = join(folder, 'cache');
    await Promise.all([join(state, 'lists/partial'), join(archives, 'archives/partial')].map(makeFolder));
    const own = ['-o', `Dir::State=${state}`, '-o', `Dir::Cache=${archives}`, '-o', 'APT::Sandbox::User='];
    const limits = { cwd: folder, timeout: 240_000, maxBuffer: 16 << 20 };
    await run('apt-get', ['download', 'prometheus'], limits).catch(async () => {
      await run('apt-get', [...own, 'update'], limits);
      await run('apt-get', [...own, 'download', 'prometheus'], limits);
    });
    const name = (await readdir(folder)).find((file) => file.endsWith('.deb'));
    if (!name) throw new Error('apt-get brought no package');
    await run('dpkg-deb', ['-x', join(folder, name), join(folder, 'unpacked')], limits);
    const programs = join(folder, 'unpacked/usr/bin');
    await run(join(programs, 'prometheus'), ['--version'], { timeout: 60_000 });
    await rename(programs, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function makeFolder(path: string): Promise<unknown> {
  return mkdir(path, { recursive: true });
}

/** One series of an answer. */
export interface Series {
  metric: Record<string, string>;
  value: number;
}

/** A Prometheus of a test's own. */
export class Prometheus {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /** @param folder where its configuration is, `prometheus.yml`, and where it keeps its data */
  static async start(program: string, folder: string): Promise<Prometheus> {
    const port = await freePort();
    const child = spawn(
      program,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'], cwd: folder },
    );
    const server = new Prometheus(`http://127.0.0.1:${port}`, child);
    await waitUntil(async () => {
      if (child.exitCode !== null) throw new Error(`prometheus ended with ${child.exitCode}`);
      return (await fetch(`${server.url}/-/ready`)).ok;
    });
    return server;
  }

  async #get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(query).toString()}`);
    const answer = (await response.json()) as { status: string; data: T; error?: string };
    if (answer.status !== 'success') throw new Error(`${query['query'] ?? path}: ${answer.error}`);
    return answer.data;
  }

  /** @throws what Prometheus says against the query */
  async query(query: string): Promise<Series[]> {
    const data = await this.#get<{ result: { metric: Record<string, string>; value: [number, string] }[] }>('query', {
      query,
    });
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  async targets(): Promise<{ labels: Record<string, string>; health: string; lastError: string }[]> {
    return (
      await this.#get<{ activeTargets: { labels: Record<string, string>; health: string; lastError: string }[] }>(
        'targets',
      )
    ).activeTargets;
  }

  async rules(): Promise<{ name: string; health: string; lastError?: string; lastEvaluation: string }[]> {
    const { groups } = await this.#get<{ groups: { rules: Awaited<ReturnType<Prometheus['rules']>> }[] }>('rules');
    return groups.flatMap((group) => group.rules);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}
