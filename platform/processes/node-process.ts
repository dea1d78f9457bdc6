import { spawn } from 'node:child_process';
import { followOutput } from './child-output.ts';
import type { LiveProcess, ProcessExit, ReadyFacts } from './keep-running.ts';
import type { RotatingLog } from './rotating-log.ts';

export interface NodeProcessOptions {
  name: string;
  /** The module to run. */
  module: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  log: RotatingLog;
  /** Gets its warnings and errors, short. */
  show: (line: string) => void;
}

/** One life of a process of ours. */
export interface LiveNodeProcess extends LiveProcess {
  /** Sends it a message over its IPC channel; one that is leaving does not get it. */
  tell(message: Record<string, unknown>): void;
}

/**
 * Starts one of our own processes. It says `{type: 'ready', …}` over its IPC channel, and leaves by itself when that
 * channel closes, which it does even when this process is killed. Its process group is its own: Ctrl-C in the terminal
 * reaches the supervisor alone, which then stops everything in order.
 */
export async function launchNode(options: NodeProcessOptions): Promise<LiveNodeProcess> {
  const { name, module, args, env, cwd } = options;
  const child = spawn(process.execPath, [module, ...args], {
    cwd,
    env,
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output = followOutput(name, [child.stdout, child.stderr], options.log, options.show);
  // 'close' comes after the last line was read, 'exit' may come before it.
  const exited = new Promise<ProcessExit>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  );
  const ready = new Promise<ReadyFacts>((resolve) => {
    child.on('message', (message) => {
      if (isReady(message)) resolve(message);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  return {
    pid: child.pid as number,
    ready,
    exited,
    askToStop: () => {
      // Windows knows no SIGTERM, it would end the process at once.
      if (process.platform === 'win32') child.disconnect();
      else child.kill('SIGTERM');
    },
    tell: (message) => {
      if (child.connected) child.send(message, () => {});
    },
    kill: () => void child.kill('SIGKILL'),
    lastWords: output.lastWords,
  };
}

function isReady(message: unknown): message is ReadyFacts {
  return typeof message === 'object' && message !== null && (message as { type?: unknown }).type === 'ready';
}
