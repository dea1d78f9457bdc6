import { appendFile, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import type { Logger } from '../../../platform/logging/logger.ts';
import { withFileLock } from '../../../platform/processes/file-lock.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import {
  type CustomNode,
  type CustomNodeResult,
  folderOf,
  problemOf,
  refuseTwins,
  withoutCredentials,
} from './custom-node.ts';
import { findPython } from './find-python.ts';
import { installNode } from './install-node.ts';
import { type CommandRunner, runCommand } from './run-command.ts';

export interface InstallOptions {
  /** Repositories fetched at one time. Default 4. Packages are installed one after another: pip does not bear company. */
  parallel?: number;
  /** The Python that ComfyUI runs on. Default: the folder's own virtual environment, else `python3`. */
  python?: string;
  /** Also runs the `install.py` that some nodes bring: their own code, which ComfyUI will run anyhow. Default false. */
  installScripts?: boolean;
  /** For one node. Milliseconds. Default 1,800,000. */
  timeoutMs?: number;
  logger?: Pick<Logger, 'info' | 'warn'>;
  /** Hears of each node as it is done. */
  onResult?: (result: CustomNodeResult) => void;
  /** Hears when another process installs into the same folder, and is waited for. */
  onWait?: (pid: number) => void;
  signal?: AbortSignal;
  run?: CommandRunner;
}

const TIMEOUT = 1_800_000;

/**
 * Installs custom nodes into a ComfyUI folder, many at a time. Doing it again changes nothing that is right already;
 * after a kill it goes on from what has been fetched. One process at a time works in a folder, others wait. What git
 * and pip said stands in `<dir>/.switchyard/nodes/<name>.log`.
 * @param dir ComfyUI's folder, the one with `main.py`, or its `--base-directory`
 * @returns one result per node, in the order of the list; a node that fails leaves nothing half done and stops nobody
 * @throws the signal's reason on abort; ConnectorError `validation` for two nodes of one name, `not_found` for no folder
 */
export async function installCustomNodes(
  dir: string,
  list: readonly (string | CustomNode)[],
  options: InstallOptions = {},
): Promise<CustomNodeResult[]> {
  const { signal, logger } = options;
  const nodes = list.map((entry) => (typeof entry === 'string' ? { url: entry } : entry));
  refuseTwins(nodes);
  const there = await stat(dir).catch(() => undefined);
  if (!there?.isDirectory()) {
    throw new ConnectorError('not_found', `${dir} is no folder; name the one that ComfyUI lies in`);
  }
  const folder = join(dir, 'custom_nodes');
  const logs = join(dir, '.switchyard', 'nodes');
  await Promise.all([folder, logs].map((path) => mkdir(path, { recursive: true })));
  const python = options.python || (await findPython(dir));
  const packages = pLimit(1);

  async function one(node: CustomNode): Promise<CustomNodeResult> {
    const started = performance.now();
    const name = folderOf(node);
    const about = { name, url: withoutCredentials(node.url) };
    const problem = problemOf(node);
    let result: CustomNodeResult;
    try {
      if (problem) throw new Error(problem);
      const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT);
      const within = signal ? AbortSignal.any([signal, timeout]) : timeout;
      within.throwIfAborted();
      const run = withLog(options.run ?? runCommand, join(logs, `${name}.log`));
      const done = await installNode(folder, node, {
        python,
        installScripts: options.installScripts ?? false,
        inTurn: (work) => packages(work),
        run: (program, args, cwd) => run(program, args, cwd, within),
        stopped: () => signal?.aborted ?? false,
      });
      result = { ...about, ...done, duration_ms: Math.round(performance.now() - started) };
      logger?.info({ node: name, status: result.status, commit: result.commit }, 'custom node');
    } catch (error) {
      signal?.throwIfAborted();
      const text = withoutCredentials((error as Error).message);
      result = { ...about, status: 'failed', error: text, duration_ms: Math.round(performance.now() - started) };
      logger?.warn({ node: name, error: text }, 'custom node could not be installed');
    }
    options.onResult?.(result);
    return result;
  }

  const fetching = pLimit(Math.max(1, options.parallel ?? 4));
  return withFileLock(
    join(dir, '.switchyard', 'nodes.lock'),
    ({ pid }) => options.onWait?.(pid),
    async () => {
      const settled = await Promise.allSettled(nodes.map((node) => fetching(() => one(node))));
      // Nobody works in the folder any more when the lock is given back.
      signal?.throwIfAborted();
      return settled.map((each) => {
        if (each.status === 'rejected') throw each.reason;
        return each.value;
      });
    },
    signal,
  );
}

/** Keeps what each command said. */
function withLog(run: CommandRunner, path: string): CommandRunner {
  return async (program, args, cwd, signal) => {
    const result = await run(program, args, cwd, signal);
    const head = `${new Date().toISOString()} ${[program, ...args].join(' ')} -> ${result.code}`;
    await appendFile(path, withoutCredentials(`${head}\n${result.output.trimEnd()}\n`), { mode: 0o600 });
    return result;
  };
}
