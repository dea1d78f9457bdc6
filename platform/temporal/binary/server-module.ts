import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The Go module that builds the `temporal` program; it also pins the version that is downloaded. */
export interface ServerModule {
  folder: string;
  /** Version of the CLI, e.g. `1.8.2`. */
  cliVersion: string;
  /** Least Go that builds it, e.g. `1.26.4`. */
  goVersion: string;
  /** 8 hex digits of what go.mod and go.sum say. */
  hash: string;
}

/** @param root the checkout */
export function readServerModule(root: string): ServerModule {
  const folder = join(root, 'platform/temporal/server-module');
  const mod = readFileSync(join(folder, 'go.mod'), 'utf8');
  const hash = createHash('sha256')
    .update(mod)
    .update(readFileSync(join(folder, 'go.sum')));
  return {
    folder,
    cliVersion: /github\.com\/temporalio\/cli v(\S+)/.exec(mod)?.[1] ?? 'unknown',
    goVersion: /^go (\S+)/m.exec(mod)?.[1] ?? '1.26.4',
    hash: hash.digest('hex').slice(0, 8),
  };
}

/** The folder for what can be had again, by the customs of each system. Never inside the checkout: clones share it. */
export function cacheFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): string {
  if (env['XDG_CACHE_HOME']) return join(env['XDG_CACHE_HOME'], 'switchyard');
  const home = env['HOME'] ?? homedir();
  if (platform === 'darwin') return join(home, 'Library/Caches/switchyard');
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(home, 'AppData/Local'), 'switchyard/cache');
  return join(home, '.cache/switchyard');
}

/** Where the program is kept once it was downloaded or built. */
export function cachedBinaryPath(env: NodeJS.ProcessEnv, module: ServerModule): string {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return join(
    cacheFolder(env),
    `temporal-${module.cliVersion}-${process.platform}-${process.arch}-${module.hash}${suffix}`,
  );
}
