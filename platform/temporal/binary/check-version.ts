import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Server 1.29 (CLI 1.5) is the first that answers ListWorkers, by which jobs know who is there to run them. */
const LEAST_SERVER = [1, 29] as const;

export type VersionCheck = { ok: true; version: string } | { ok: false; problem: string };

/**
 * Runs `temporal --version` and judges the server in it.
 * Its one line: `temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)`; a program built from source calls itself 0.0.0-DEV.
 */
export async function checkVersion(path: string): Promise<VersionCheck> {
  let said: string;
  try {
    said = (await run(path, ['--version'], { timeout: 15_000 })).stdout.trim();
  } catch (error) {
    const { code, killed, message } = error as NodeJS.ErrnoException & { killed?: boolean };
    if (code === 'ENOENT') return { ok: false, problem: 'there is no such file' };
    if (code === 'EACCES') return { ok: false, problem: 'it may not be executed (chmod +x)' };
    return {
      ok: false,
      problem: killed ? '`--version` gave no answer within 15 s' : `\`--version\` failed: ${message.split('\n')[0]}`,
    };
  }
  const server = /Server (\d+)\.(\d+)\.\S+?[,)]/.exec(said);
  if (!server)
    return { ok: false, problem: `it does not look like Temporal's CLI: --version says "${said.slice(0, 80)}"` };
  const [major, minor] = [Number(server[1]), Number(server[2])];
  if (major < LEAST_SERVER[0] || (major === LEAST_SERVER[0] && minor < LEAST_SERVER[1])) {
    return {
      ok: false,
      problem: `it is too old (${said}); server ${LEAST_SERVER.join('.')}, that is CLI 1.5, or newer is needed`,
    };
  }
  return { ok: true, version: said };
}
