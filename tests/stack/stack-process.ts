import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { findStack, type StackState } from '../../cli/stack/find-stack.ts';
import { freePort } from '../../platform/processes/free-port.ts';
import { identify, isRunning, type ProcessIdentity } from '../../platform/processes/process-identity.ts';
import { projectRoot } from '../../platform/project-root.ts';
import { waitUntil } from '../harness/wait-until.ts';

const root = projectRoot();

/** What `npm start` runs once everything is installed and built. */
const START = `const { main } = await import(${JSON.stringify(join(root, 'dist/cli/stack/main.js'))}); await main(Date.now());`;

/** A supervisor as a process of its own, as in a terminal. */
export interface StackProcess {
  readonly child: ChildProcess;
  /** All it printed so far. */
  output(): string;
  /** Waits until it says that it is ready. */
  ready(): Promise<StackState>;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** For the end of a test that may have failed: nothing of it goes on, Temporal included. */
  destroy(): Promise<void>;
}

/** Settings of a stack that is in nobody's way. */
export async function stackEnvironment(dataDir: string): Promise<Record<string, string>> {
  return {
    SWITCHYARD_DATA_DIR: dataDir,
    SWITCHYARD_PORT: String(await freePort()),
    SWITCHYARD_TEMPORAL_PORT: String(await freePort()),
    SWITCHYARD_TEMPORAL_UI_PORT: String(await freePort()),
    SWITCHYARD_HEALTH_PORT: '0',
    SWITCHYARD_SHUTDOWN_GRACE: '2s',
  };
}

export function startStack(
  env: Record<string, string>,
  command: [string, ...string[]] = [process.execPath, '--input-type=module', '-e', START],
): StackProcess {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Like a job of a shell, so that a signal to npm reaches npm alone.
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  let gone = false;
  let temporal: ProcessIdentity | undefined;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => {
      gone = true;
      resolve({ code, signal });
    });
  });
  return {
    child,
    output: () => output,
    exited,
    async ready() {
      await waitUntil(() => gone || output.includes('Switchyard is ready'), 90_000);
      const state = findStack(env['SWITCHYARD_DATA_DIR']!);
      if (!state) throw new Error(`the stack did not come up:\n${output}`);
      temporal = identify(state.processes.find(({ name }) => name === 'temporal')?.pid ?? 0);
      return state;
    },
    async destroy() {
      // The whole process group: under npm start there are three processes in it. Our own children leave by themselves.
      if (!gone) process.kill(-child.pid!, 'SIGKILL');
      await exited;
      if (temporal && isRunning(temporal)) process.kill(temporal.pid, 'SIGKILL');
    },
  };
}

/** Process ids of everything a stack consists of, and that is still there. */
export function livingProcesses(state: StackState): string[] {
  const all = [{ name: 'supervisor', pid: state.pid }, ...state.processes];
  return all.filter(({ pid }) => identify(pid) !== undefined).map(({ name }) => name);
}
