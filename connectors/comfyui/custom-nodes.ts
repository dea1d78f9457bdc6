import { spawn } from 'node:child_process';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import pLimit from 'p-limit';
import { ConnectorError } from '../contract/connector-error.ts';

/** A custom node: a git repository that ComfyUI loads from its `custom_nodes` folder. */
export interface CustomNode {
  /** `https://…`, or `file://…` for a repository on this machine. */
  url: string;
  /** Branch, tag or commit; default: what the repository has checked out by default. */
  ref?: string;
  /** Folder name; default: the repository's. */
  name?: string;
}

export interface CustomNodeResult {
  name: string;
  url: string;
  /** `unchanged`: it was there, at that commit. */
  status: 'installed' | 'updated' | 'unchanged' | 'failed';
  commit?: string;
  error?: string;
  duration_ms: number;
}

export interface CommandResult {
  code: number;
  output: string;
}

/** Runs a program without a shell. */
export type CommandRunner = (
  program: string,
  args: readonly string[],
  cwd: string,
  signal: AbortSignal,
) => Promise<CommandResult>;

export interface InstallOptions {
  /** Repositories fetched at one time. Default 4. Packages are installed one after another: pip does not bear company. */
  parallel?: number;
  /** The Python that ComfyUI runs on. Default `python3`. */
  python?: string;
  /** For one node. Milliseconds. Default 600,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
  run?: CommandRunner;
}

const NAME = /^[\w][\w.-]{0,99}$/;
const REF = /^[\w][\w./-]{0,199}$/;

/**
 * Installs custom nodes into a ComfyUI folder, many at a time. Nothing of a node is run here but what its
 * `requirements.txt` asks pip for; a node's own `install.py` is left to whoever has read it.
 * @param dir ComfyUI's folder
 * @returns one result per node, in the order of the list
 * @throws the signal's reason on abort; ConnectorError `validation` for a list with two nodes of one name
 */
export async function installCustomNodes(
  dir: string,
  list: readonly (string | CustomNode)[],
  options: InstallOptions = {},
): Promise<CustomNodeResult[]> {
  const nodes = list.map((entry) => (typeof entry === 'string' ? { url: entry } : entry));
  const names = nodes.map(nameOf);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new ConnectorError('validation', `Two custom nodes are called "${twice}"; give one of them a name`);
  const folder = join(dir, 'custom_nodes');
  await mkdir(folder, { recursive: true });
  const fetching = pLimit(Math.max(1, options.parallel ?? 4));
  const packages = pLimit(1);
  return Promise.all(
    nodes.map((node, index) =>
      fetching(async (): Promise<CustomNodeResult> => {
        const started = performance.now();
        const name = names[index]!;
        const about = { name, url: withoutCredentials(node.url) };
        const took = () => Math.round(performance.now() - started);
        try {
          options.signal?.throwIfAborted();
          const { status, commit } = await installOne(folder, name, node, options, packages);
          return { ...about, status, commit, duration_ms: took() };
        } catch (error) {
          options.signal?.throwIfAborted();
          return { ...about, status: 'failed', error: (error as Error).message, duration_ms: took() };
        }
      }),
    ),
  );
}

async function installOne(
  folder: string,
  name: string,
  node: CustomNode,
  options: InstallOptions,
  packages: ReturnType<typeof pLimit>,
): Promise<{ status: 'installed' | 'updated' | 'unchanged'; commit: string }> {
  const { url, ref } = node;
  if (!/^(?:https|file):\/\//.test(url)) throw new Error(`${JSON.stringify(url)} is no https:// address`);
  if (!NAME.test(name)) throw new Error(`"${name}" is no folder name; give the node a name`);
  if (ref !== undefined && !REF.test(ref)) throw new Error(`"${ref}" is no branch, tag or commit`);
  const target = join(folder, name);
  const run = options.run ?? runCommand;
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 600_000);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const git = async (cwd: string, ...args: string[]) => succeed(await run('git', args, cwd, signal), `git ${args[0]}`);
  const head = async (cwd: string) => (await git(cwd, 'rev-parse', 'HEAD')).trim();
  const install = (cwd: string) => packages(() => installPackages(cwd, options.python ?? 'python3', run, signal));

  if (await exists(join(target, '.git'))) {
    const before = await head(target);
    await git(target, 'fetch', '--depth', '1', '--', url, ref ?? 'HEAD');
    const wanted = (await git(target, 'rev-parse', 'FETCH_HEAD')).trim();
    if (wanted === before) return { status: 'unchanged', commit: before };
    await git(target, 'checkout', '--quiet', '--detach', 'FETCH_HEAD');
    await install(target);
    return { status: 'updated', commit: wanted };
  }
  if (await exists(target)) throw new Error(`${target} is there already and is no git repository; move it away`);
  // Fetched beside its place and then moved: ComfyUI never finds half a node.
  const half = join(folder, `.${name}.${process.pid}.part`);
  await rm(half, { recursive: true, force: true });
  try {
    await mkdir(half);
    await git(half, 'init', '--quiet');
    await git(half, 'fetch', '--depth', '1', '--', url, ref ?? 'HEAD');
    await git(half, 'checkout', '--quiet', '--detach', 'FETCH_HEAD');
    const commit = await head(half);
    await install(half);
    await rename(half, target);
    return { status: 'installed', commit };
  } finally {
    await rm(half, { recursive: true, force: true });
  }
}

async function installPackages(cwd: string, python: string, run: CommandRunner, signal: AbortSignal): Promise<void> {
  if (!(await exists(join(cwd, 'requirements.txt')))) return;
  const args = ['-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '-r', 'requirements.txt'];
  succeed(await run(python, args, cwd, signal), 'pip install');
}

function succeed({ code, output }: CommandResult, what: string): string {
  if (code === 0) return output;
  throw new Error(`${what} ended with ${code}: ${withoutCredentials(output.trim().slice(-500))}`);
}

/** Runs a program with exactly these arguments; keeps the last 64 KiB of what it says. */
export const runCommand: CommandRunner = (program, args, cwd, signal) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      signal,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A repository that wants a password must fail, not wait.
      env: { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '' },
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-65_536);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });

function nameOf({ name, url }: CustomNode): string {
  return name ?? basename(url.replace(/\/+$/, '')).replace(/\.git$/, '');
}

function withoutCredentials(text: string): string {
  return text.replace(/(https?:\/\/)[^\s/@]+@/g, '$1');
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
