import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

export interface Child {
  pid: number;
  /** What it said when it was ready. */
  ready: Record<string, unknown>;
  /** Resident memory now, bytes (Linux). */
  rss(): number;
  /** Highest resident memory since the start, or since `forgetPeak()`; bytes (Linux). */
  peakRss(): number;
  forgetPeak(): void;
  /** SIGTERM, and waits until it has left. */
  stop(): Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** Sends a signal, e.g. SIGSTOP. */
  signal(name: NodeJS.Signals): void;
  /** Exit code and last output, once it is gone. */
  readonly exited: Promise<{ code: number | null; output: string }>;
}

/**
 * Starts one of our processes and waits until it says that it is ready. Its log is dropped unless it fails.
 * @param through a program with its arguments that becomes Node in the end, e.g. `ip netns exec NAME`
 */
export function startChild(
  module: URL,
  args: string[],
  env: NodeJS.ProcessEnv,
  through: readonly string[] = [],
): Promise<Child> {
  const [execPath, ...execArgv] = [...through, process.execPath];
  const child = fork(module, args, {
    ...{ execPath, execArgv, env: { ...process.env, ...env } },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-5_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const exited = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once('exit', (code) => resolve({ code, output }));
  });
  return new Promise((resolve, reject) => {
    void exited.then(({ code }) => reject(new Error(`${module.pathname} ended with ${code}:\n${output}`)));
    child.on('message', (message: Record<string, unknown>) => {
      if (message['type'] === 'ready') resolve(handle(child, message, exited));
    });
  });
}

function handle(child: ChildProcess, ready: Record<string, unknown>, exited: Child['exited']): Child {
  const end = async (name: NodeJS.Signals) => {
    child.kill(name);
    await exited;
  };
  return {
    pid: child.pid!,
    ready,
    exited,
    rss: () => memoryOf(child.pid, 'VmRSS'),
    peakRss: () => memoryOf(child.pid, 'VmHWM'),
    forgetPeak: () => writeFileSync(`/proc/${child.pid}/clear_refs`, '5'),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    signal: (name) => void child.kill(name),
  };
}

function memoryOf(pid: number | undefined, field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) * 1_024;
}
