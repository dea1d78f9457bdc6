import { spawn } from 'node:child_process';

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

const KEPT = 65_536;

/**
 * Runs a program with exactly these arguments; keeps the last 64 KiB of what it says.
 * @throws Error when it is not there, the signal's reason on abort
 */
export const runCommand: CommandRunner = (program, args, cwd, signal) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      signal,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A repository that wants a password must fail, not wait.
      env: { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '', PIP_NO_INPUT: '1' },
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-KEPT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
