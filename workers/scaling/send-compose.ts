import { spawn } from 'node:child_process';
import type { ScalingPolicy } from '../../platform/scaling/policy.schema.ts';
import type { PassedOrder } from './passing-driver.ts';

export interface ComposeOptions {
  policy: (pool: string) => ScalingPolicy;
  env: NodeJS.ProcessEnv;
  /** Folder of the compose file; COMPOSE_FILE and COMPOSE_PROJECT_NAME count as ever. */
  cwd: string;
}

/** Kept of what docker said. */
const SAID_BYTES = 2_000;

/**
 * Has docker compose run so many containers of the pool's service. Nothing but the count changes: other services and
 * containers that run stay as they are. A container that is too many gets SIGTERM and the pool's `drain_seconds`.
 * https://docs.docker.com/reference/cli/docker/compose/up/
 */
export function sendToCompose({ policy, env, cwd }: ComposeOptions) {
  return async ({ pool, workers }: PassedOrder, signal: AbortSignal): Promise<void> => {
    const { compose_service: service = `worker-${pool}`, drain_seconds: drain } = policy(pool);
    const args = ['compose', 'up', '--detach', '--no-deps', '--no-recreate'];
    args.push('--timeout', String(Math.ceil(drain)), '--scale', `${service}=${workers}`, service);
    await run('docker', args, { env, cwd, signal });
  };
}

function run(
  program: string,
  args: readonly string[],
  { env, cwd, signal }: { env: NodeJS.ProcessEnv; cwd: string; signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    // Cut off by the scaler's end, it leaves what it has done; the next order mends the rest.
    const child = spawn(program, args, { env, cwd, signal, stdio: ['ignore', 'ignore', 'pipe'], windowsHide: true });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-SAID_BYTES);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT' ? `there is no program "${program}" on PATH` : error.message;
      reject(new Error(missing, { cause: error }));
    });
    child.once('close', (code, killed) => {
      if (code === 0) return resolve();
      const last = said.trim().split('\n').at(-1) ?? '';
      reject(new Error(`${program} ${args[0]} ended with ${killed ?? `status ${code}`}${last ? `: ${last}` : ''}`));
    });
  });
}
