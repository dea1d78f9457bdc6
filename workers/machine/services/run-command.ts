import { spawn } from 'node:child_process';
import { buildEnvironment, type EnvironmentWish } from '../../../platform/machine/service-environment.ts';
import { followOutput } from '../../../platform/processes/child-output.ts';
import { identify } from '../../../platform/processes/process-identity.ts';
import { MARK_VARIABLE, watchTree } from '../../../platform/processes/process-tree.ts';
import type { RotatingLog } from '../../../platform/processes/rotating-log.ts';

export interface CommandOptions {
  cwd: string;
  wish: EnvironmentWish;
  /** Our own environment. */
  env: NodeJS.ProcessEnv;
  log: RotatingLog;
  signal: AbortSignal;
}

/** What installers need besides, to get through proxies and to mirrors; services do not get it. */
const FOR_INSTALLERS = [
  'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'all_proxy',
  'PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIP_FIND_LINKS', 'PIP_CERT', 'PIP_DEFAULT_TIMEOUT', 'PIP_CACHE_DIR',
  'npm_config_registry', 'NPM_CONFIG_REGISTRY', 'GIT_SSL_CAINFO', 'CURL_CA_BUNDLE',
]; // biome-ignore format: a list is read as one

/**
 * Runs a command to its end, its output in a log. Aborting kills it with everything it has started.
 * @throws Error with its last words when it fails; the signal's reason
 */
export async function runCommand(argv: readonly string[], options: CommandOptions): Promise<void> {
  const { cwd, wish, env, log, signal } = options;
  signal.throwIfAborted();
  const [program, ...args] = argv as [string, ...string[]];
  const mark = `install/${process.pid}/${Math.random().toString(36).slice(2)}`;
  const full = buildEnvironment({ ...wish, passEnv: [...FOR_INSTALLERS, ...wish.passEnv] }, [], env);
  log.write(
    JSON.stringify({ level: 'info', time: new Date().toISOString(), name: program, msg: `runs: ${argv.join(' ')}` }),
  );
  const child = spawn(program, args, {
    cwd,
    // Git and pip must fail, not ask somebody who is not there.
    env: { ...full, GIT_TERMINAL_PROMPT: '0', PIP_NO_INPUT: '1', [MARK_VARIABLE]: mark },
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = followOutput(program, [child.stdout, child.stderr], log, () => {});
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(`cannot be run: ${error.message}`));
    child.once('close', (code, by) =>
      resolve(code === 0 ? undefined : by ? `was ended by ${by}` : `ended with status ${code}`),
    );
  });
  const tree = watchTree(identify(child.pid ?? 0) ?? { pid: child.pid ?? 0, started: '' }, mark);
  const stop = () => void tree.kill();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const problem = await ended;
    signal.throwIfAborted();
    if (problem === undefined) return;
    const words = output.lastWords();
    throw new Error(`${program} ${problem}${words.length > 0 ? `: ${words.join(' | ').slice(-600)}` : ''}`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
