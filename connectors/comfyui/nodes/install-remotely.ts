import type { Logger } from '../../../platform/logging/logger.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { HttpClient, HttpRequest } from '../../http/http-client.ts';
import { HttpError } from '../../http/http-error.ts';
import { asRecord, textOf } from '../documents.ts';
import {
  type CustomNode,
  type CustomNodeResult,
  folderOf,
  problemOf,
  refuseTwins,
  withoutCredentials,
} from './custom-node.ts';

export interface RemoteInstallOptions {
  logger?: Pick<Logger, 'info' | 'warn'>;
  onResult?: (result: CustomNodeResult) => void;
  /** For one node: clone and packages. Milliseconds. Default 1,800,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

const TIMEOUT = 1_800_000;
/** ComfyUI-Manager 3 has its routes at the root, 4 (where it serves them at all) under `/v2`. */
const PREFIXES = ['', '/v2'];

/**
 * Installs custom nodes on a ComfyUI whose folder is out of reach, through the API of ComfyUI-Manager there. One after
 * another: the manager does them within the server's only thread. It must be allowed to install from git addresses
 * (`allow_git_url_install = true` in its `config.ini`, older ones: `security_level = weak`).
 * @returns one result per node, in the order of the list. What is there already stays at its commit: the manager moves none
 * @throws ConnectorError `missing_node` when there is no ComfyUI-Manager, `validation` for two nodes of one name; the
 * signal's reason on abort
 */
export async function installCustomNodesRemotely(
  http: HttpClient,
  list: readonly (string | CustomNode)[],
  options: RemoteInstallOptions = {},
): Promise<CustomNodeResult[]> {
  const nodes = list.map((entry) => (typeof entry === 'string' ? { url: entry } : entry));
  refuseTwins(nodes);
  const manager = await findManager(http, options.signal);
  const results: CustomNodeResult[] = [];
  for (const node of nodes) {
    const started = performance.now();
    const about = { name: folderOf(node), url: withoutCredentials(node.url) };
    let result: CustomNodeResult;
    try {
      const done = await installOne(manager, node, options);
      result = { ...about, ...done, duration_ms: Math.round(performance.now() - started) };
      options.logger?.info({ node: about.name, status: result.status }, 'custom node, by ComfyUI-Manager');
    } catch (error) {
      options.signal?.throwIfAborted();
      const text = withoutCredentials(explained(error));
      result = { ...about, status: 'failed', error: text, duration_ms: Math.round(performance.now() - started) };
      options.logger?.warn({ node: about.name, error: text }, 'custom node could not be installed by ComfyUI-Manager');
    }
    options.onResult?.(result);
    results.push(result);
  }
  return results;
}

interface Manager {
  http: HttpClient;
  prefix: string;
  /** Commit or version by folder name. */
  installed(): Promise<Map<string, string | undefined>>;
}

async function findManager(http: HttpClient, signal: AbortSignal | undefined): Promise<Manager> {
  for (const prefix of PREFIXES) {
    const path = `${prefix}/customnode/installed`;
    const response = await http.request({ path, signal, ok_statuses: [404, 405] });
    await response.discard();
    if (response.status >= 400) continue;
    const installed = async () => {
      const body = asRecord(await (await http.request({ path, signal })).json());
      return new Map(Object.entries(body).map(([name, about]) => [name.toLowerCase(), textOf(asRecord(about)['ver'])]));
    };
    return { http, prefix, installed };
  }
  throw new ConnectorError(
    'missing_node',
    `${http.base_url} has no ComfyUI-Manager, which installs nodes there; install it, or run "switchyard comfyui install-nodes --path DIR" on that machine`,
  );
}

async function installOne(
  manager: Manager,
  node: CustomNode,
  options: RemoteInstallOptions,
): Promise<Pick<CustomNodeResult, 'status' | 'commit'>> {
  const problem = problemOf(node);
  if (problem) throw new Error(problem);
  const { url, ref } = node;
  const name = folderOf({ url }).toLowerCase();
  if (!url.startsWith('https://')) throw new Error('ComfyUI-Manager takes https:// addresses only');
  if (node.name !== undefined && node.name.toLowerCase() !== name)
    throw new Error(`ComfyUI-Manager names the folder itself: "${folderOf({ url })}"; leave the name out`);
  const before = await manager.installed();
  if (before.has(name)) {
    const commit = before.get(name);
    if (ref !== undefined && commit !== undefined && !commit.startsWith(ref))
      throw new Error(`is there already, at ${commit}; ComfyUI-Manager does not move it to ${ref}`);
    return { status: 'unchanged', commit };
  }
  await post(manager, ref === undefined ? url : `${url}@${ref}`, options);
  const after = await manager.installed();
  if (!after.has(name)) throw new Error('ComfyUI-Manager says that it is done, and does not list the node');
  return { status: 'installed', commit: after.get(name) };
}

/** Newer managers read JSON, older ones the bare address; either refuses the other's form without doing anything. */
async function post({ http, prefix }: Manager, url: string, options: RemoteInstallOptions): Promise<void> {
  const request: HttpRequest = {
    method: 'POST',
    path: `${prefix}/customnode/install/git_url`,
    signal: options.signal,
    timeout_ms: options.timeoutMs ?? TIMEOUT,
    // It passes over what is there.
    idempotent: true,
  };
  try {
    await (await http.request({ ...request, json: { url } })).text();
  } catch (error) {
    if (!(error instanceof HttpError) || error.status !== 400) throw error;
    await (await http.request({ ...request, body: url, headers: { 'content-type': 'text/plain' } })).text();
  }
}

function explained(error: unknown): string {
  if (!(error instanceof HttpError)) return (error as Error).message;
  if (error.status === 403)
    return 'ComfyUI-Manager does not let anybody install from git addresses: set allow_git_url_install = true in its config.ini (older ones: security_level = weak) and restart ComfyUI';
  if (error.status === 404 || error.status === 405)
    return 'This ComfyUI-Manager installs from its registry only, not from git addresses; install it on the machine itself';
  if (error.status === 400) return 'ComfyUI-Manager could not install it; the reason stands in the log of ComfyUI';
  return error.message;
}
