import { createHash } from 'node:crypto';
import { lstat, readFile, rename, rm, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CustomNode, type CustomNodeResult, folderOf, withoutCredentials } from './custom-node.ts';
import type { CommandResult } from './run-command.ts';

/** What installing one node needs. */
export interface NodeTools {
  python: string;
  installScripts: boolean;
  /** Lets only one such piece of work run at a time. */
  inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  run: (program: string, args: readonly string[], cwd: string) => Promise<CommandResult>;
  /** Whether the whole installation is to end. */
  stopped: () => boolean;
}

type Done = Pick<CustomNodeResult, 'status' | 'commit' | 'note'>;

/** Nothing that a repository brings is run by git: no hooks, no transports that start programs. */
const SAFE = ['-c', 'core.hooksPath=/dev/null', '-c', 'protocol.ext.allow=never', '-c', 'advice.detachedHead=false'];
const FULL_COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/m;
/** Inside the node's `.git`: with which packages its commit has been completed. */
const RECORD = 'switchyard.json';

/**
 * Brings one node to the wanted commit, with its packages. A new one is made beside its place and moved there when it
 * is complete: ComfyUI never finds half a node.
 * @param folder `custom_nodes`; nothing outside it is written, besides what pip installs
 * @throws Error in words for people
 */
export async function installNode(folder: string, node: CustomNode, tools: NodeTools): Promise<Done> {
  const name = folderOf(node);
  const target = join(folder, name);
  const found = await lstat(target).catch(() => undefined);
  if (found && !found.isDirectory()) throw new Error(`${target} is a link or a file; move it away`);
  if (found) {
    if (!(await lstat(join(target, '.git')).catch(() => undefined))?.isDirectory()) {
      throw new Error(`${target} is there already and is no git repository; move it away`);
    }
    return update(target, node, tools);
  }
  const half = join(folder, `.${name}.part`);
  const left = await lstat(join(half, '.git')).catch(() => undefined);
  // What an earlier run has fetched is kept; anything else at that place is not ours to trust.
  if (!left?.isDirectory()) {
    await rm(half, { recursive: true, force: true });
    await mkdir(half);
    await git(tools, half, 'init', '--quiet');
  }
  try {
    const commit = await fetchCommit(tools, half, node);
    await checkout(tools, half, commit);
    const note = await complete(tools, half, commit);
    await rename(half, target);
    return { status: 'installed', commit, note };
  } catch (error) {
    // What was stopped goes on from there the next time; what failed is begun anew.
    if (!tools.stopped()) await rm(half, { recursive: true, force: true });
    throw error;
  }
}

async function update(target: string, node: CustomNode, tools: NodeTools): Promise<Done> {
  const before = await commitOf(tools, target, 'HEAD');
  const wanted = node.ref === before ? before : await fetchCommit(tools, target, node);
  const done = await isComplete(target, wanted);
  if (wanted === before && done) return { status: 'unchanged', commit: before };
  if (wanted !== before) await checkout(tools, target, wanted);
  const note = await complete(tools, target, wanted);
  return { status: 'updated', commit: wanted, note };
}

/** Fetches as little as the server lets us, and says which commit is meant. */
async function fetchCommit(tools: NodeTools, cwd: string, { url, ref }: CustomNode): Promise<string> {
  try {
    await git(tools, cwd, 'fetch', '--quiet', '--depth', '1', '--no-tags', '--', url, ref ?? 'HEAD');
    return await commitOf(tools, cwd, 'FETCH_HEAD');
  } catch (error) {
    // Some servers hand out no single commit, and none knows a shortened one.
    if (ref === undefined || !/^[0-9a-f]{7,40}$/.test(ref)) throw error;
    const all = ['+refs/heads/*:refs/switchyard/heads/*', '+refs/tags/*:refs/switchyard/tags/*'];
    const shallow = await lstat(join(cwd, '.git', 'shallow')).catch(() => undefined);
    await git(tools, cwd, 'fetch', '--quiet', ...(shallow ? ['--unshallow'] : []), '--', url, ...all);
    const commit = await commitOf(tools, cwd, ref).catch(() => undefined);
    if (commit !== undefined) return commit;
    throw new Error(`The repository has no commit ${ref}`, { cause: error });
  }
}

async function commitOf(tools: NodeTools, cwd: string, name: string): Promise<string> {
  const said = await git(tools, cwd, 'rev-parse', '--verify', '--quiet', `${name}^{commit}`);
  const [commit] = FULL_COMMIT.exec(said) ?? [];
  if (commit === undefined) throw new Error(`git does not tell the commit of ${name}: ${said.slice(0, 200)}`);
  return commit;
}

async function checkout(tools: NodeTools, cwd: string, commit: string): Promise<void> {
  await git(tools, cwd, 'checkout', '--quiet', '--detach', commit, '--');
  if (await lstat(join(cwd, '.gitmodules')).catch(() => undefined)) {
    await git(tools, cwd, 'submodule', '--quiet', 'update', '--init', '--recursive', '--depth', '1');
  }
}

/** Installs what the node asks for, and writes down that it has been done. @returns what is left to people */
async function complete(tools: NodeTools, cwd: string, commit: string): Promise<string | undefined> {
  const requirements = await fileIn(cwd, 'requirements.txt');
  const script = await fileIn(cwd, 'install.py');
  await tools.inTurn(async () => {
    if (requirements !== undefined) {
      const args = ['-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '-r', 'requirements.txt'];
      succeed(await tools.run(tools.python, args, cwd), 'pip install');
    }
    if (script !== undefined && tools.installScripts) {
      succeed(await tools.run(tools.python, ['install.py'], cwd), 'install.py');
    }
  });
  await writeFile(join(cwd, '.git', RECORD), JSON.stringify({ commit, requirements: digest(requirements) }));
  return script !== undefined && !tools.installScripts ? 'has an install.py of its own, which was not run' : undefined;
}

/** Whether the packages of that commit have been installed; a node that asks for none is complete as it is. */
async function isComplete(target: string, commit: string): Promise<boolean> {
  const requirements = await fileIn(target, 'requirements.txt');
  if (requirements === undefined) return true;
  const text = await readFile(join(target, '.git', RECORD), 'utf8').catch(() => '{}');
  const record = JSON.parse(text) as { commit?: string; requirements?: string };
  return record.commit === commit && record.requirements === digest(requirements);
}

/** @throws Error for a link: pip would read what it points at, and say so in its message */
async function fileIn(cwd: string, name: string): Promise<Buffer | undefined> {
  const path = join(cwd, name);
  const info = await lstat(path).catch(() => undefined);
  if (!info) return undefined;
  if (!info.isFile()) throw new Error(`${name} of the node is a link or a folder; it is not followed`);
  return readFile(path);
}

function digest(content: Buffer | undefined): string | undefined {
  return content && createHash('sha256').update(content).digest('hex');
}

async function git(tools: NodeTools, cwd: string, ...args: string[]): Promise<string> {
  return succeed(await tools.run('git', [...SAFE, ...args], cwd), `git ${args[0]}`);
}

function succeed({ code, output }: CommandResult, what: string): string {
  if (code === 0) return output;
  throw new Error(`${what} ended with ${code}: ${withoutCredentials(output.trim().slice(-500))}`);
}
