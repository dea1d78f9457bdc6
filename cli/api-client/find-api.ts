import { usageError } from '../cli-error.ts';
import type { StackState } from '../stack/find-stack.ts';
import { candidateDataDirs, runningStack, stackConfig } from './data-dir.ts';

export interface ApiAddress {
  /** With the prefix and without a trailing slash: `http://127.0.0.1:8400/api`. */
  url: string;
  /** Why this one; reads on after "because". */
  because: string;
  /** What was looked at first and led nowhere, one sentence each. */
  passedOver: string[];
  /** The stack on this machine that the API belongs to, when it was found through one. */
  stack?: StackState;
}

export interface FindApiOptions {
  url?: string;
  dataDir?: string;
  env: NodeJS.ProcessEnv;
  cwd: string;
}

/**
 * Where the API is: `--url`, `SWITCHYARD_URL`, the stack that runs in the data directory, else the configured port of
 * this machine. Asks nobody: whether it answers is found out by the first request.
 * @throws CliError for an address that is none, ConfigError for a configuration that is not valid
 */
export function findApi(options: FindApiOptions): ApiAddress {
  const { url, dataDir, env, cwd } = options;
  if (url !== undefined) return { url: apiPrefix(url, '--url'), because: '--url says so', passedOver: [] };
  const fromEnv = env['SWITCHYARD_URL'];
  if (fromEnv && dataDir === undefined) {
    return { url: apiPrefix(fromEnv, 'SWITCHYARD_URL'), because: 'SWITCHYARD_URL says so', passedOver: [] };
  }
  const dataDirs = candidateDataDirs(dataDir, env, cwd);
  const stack = runningStack(dataDirs);
  if (stack) {
    const because = `the stack running in ${stack.data_dir} (process ${stack.pid}) says so`;
    return { url: apiPrefix(stack.api_url, 'stack.json'), because, passedOver: [], stack };
  }
  const config = stackConfig(env, dataDir);
  return {
    url: apiPrefix(config.publicUrl ?? `http://${hostForUrl(config.host)}:${config.port || 8400}`, 'publicUrl'),
    because: 'that is the configured address of this machine',
    passedOver: dataDirs.map((dir) => `No stack runs in ${dir}.`),
  };
}

function apiPrefix(text: string, source: string): string {
  let url: URL;
  try {
    url = new URL(text.includes('://') ? text : `http://${text}`);
  } catch {
    throw usageError(`${source} ${text}: is not an address`, 'For example http://127.0.0.1:8400');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw usageError(`${source} ${text}: must begin with http:// or https://`);
  }
  const path = url.pathname.replace(/\/+$/, '');
  return `${url.origin}${path.endsWith('/api') ? path : `${path}/api`}`;
}

/** 0.0.0.0 is where a server listens, not where one can be asked. */
function hostForUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
