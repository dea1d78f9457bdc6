import { createWriteStream } from 'node:fs';
import { chmod, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import type { ServerModule } from './server-module.ts';

const run = promisify(execFile);

/** Where the SDKs' own download asks (sdk-core, ephemeral_server). */
const SERVICE = 'https://temporal.download';
/** A closed network must not hold up the start: then the program is built instead. */
const CONNECT_TIMEOUT_MS = 15_000;
const SILENCE_TIMEOUT_MS = 30_000;

/**
 * Downloads the `temporal` program the way the SDK does: the service names an archive and a file in it.
 * @param target path of the finished program; appears only when it is complete
 * @param service for tests: another address
 * @throws Error with the reason in words
 */
export async function downloadBinary(
  module: ServerModule,
  target: string,
  env: NodeJS.ProcessEnv,
  service = SERVICE,
): Promise<void> {
  const dispatcher = createDispatcher(env);
  const folder = await mkdtemp(join(dirname(target), 'download-'));
  try {
    const { archiveUrl, fileToExtract } = await askForArchive(`${service}/cli/v${module.cliVersion}`, dispatcher);
    const archive = join(folder, 'archive.tar.gz');
    await pipeline(await get(archiveUrl, dispatcher), createWriteStream(archive));
    await run('tar', ['-xzf', archive, '-C', folder, fileToExtract]);
    const program = join(folder, fileToExtract);
    if (!(await stat(program)).isFile()) throw new Error(`the archive holds no ${fileToExtract}`);
    await chmod(program, 0o755);
    await rename(program, target);
  } catch (error) {
    throw new Error(inWords(error), { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
    await dispatcher.close();
  }
}

function createDispatcher(env: NodeJS.ProcessEnv): Dispatcher {
  const options = {
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: SILENCE_TIMEOUT_MS,
    bodyTimeout: SILENCE_TIMEOUT_MS,
  };
  const httpsProxy = env['HTTPS_PROXY'] ?? env['https_proxy'];
  const httpProxy = env['HTTP_PROXY'] ?? env['http_proxy'];
  if (!httpsProxy && !httpProxy) return new Agent(options);
  return new EnvHttpProxyAgent({ ...options, httpProxy, httpsProxy, noProxy: env['NO_PROXY'] ?? env['no_proxy'] });
}

async function askForArchive(
  url: string,
  dispatcher: Dispatcher,
): Promise<{ archiveUrl: string; fileToExtract: string }> {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  if (!arch) throw new Error(`there is no ready-made program for ${process.arch}`);
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const body = await get(`${url}?arch=${arch}&platform=${platform}&format=tar.gz`, dispatcher);
  const info = (await body.json()) as { archiveUrl?: unknown; fileToExtract?: unknown };
  if (
    typeof info.archiveUrl !== 'string' ||
    typeof info.fileToExtract !== 'string' ||
    /(^|[\\/])\.\.([\\/]|$)|^[\\/-]/.test(info.fileToExtract)
  ) {
    throw new Error(`${url} answered with something unexpected`);
  }
  return { archiveUrl: info.archiveUrl, fileToExtract: info.fileToExtract };
}

async function get(url: string, dispatcher: Dispatcher, redirects = 5): Promise<Dispatcher.ResponseData['body']> {
  const { statusCode, headers, body } = await request(url, { dispatcher });
  if (statusCode >= 300 && statusCode < 400 && typeof headers['location'] === 'string' && redirects > 0) {
    await body.dump();
    return get(new URL(headers['location'], url).href, dispatcher, redirects - 1);
  }
  if (statusCode !== 200) {
    await body.dump();
    throw new Error(`${url} answered ${statusCode}`);
  }
  return body;
}

function inWords(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `its name could not be looked up (${message})`;
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return `no connection within ${CONNECT_TIMEOUT_MS / 1_000} s`;
  return message;
}
