import { execFile } from 'node:child_process';

/** What a program that was asked something said. */
export interface ToolAnswer {
  /** `missing`: there is no such program. `hung`: it did not answer in time. */
  outcome: 'ok' | 'failed' | 'missing' | 'hung';
  stdout: string;
  stderr: string;
  /** Exit status of a program that failed. */
  code?: number;
}

/** Runs a program that answers a question; handed in, so that recorded answers can take its place. */
export type RunTool = (program: string, args: readonly string[]) => Promise<ToolAnswer>;

/** A GPU whose driver is stuck makes its tools hang for ever. */
const TIMEOUT_MS = 10_000;
const MAX_OUTPUT = 4 * 1024 * 1024;

/** Never rejects. The tool gets nothing of our environment but where to find programs, and English. */
export const runTool: RunTool = (program, args) =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', SystemRoot: process.env['SystemRoot'] };
    execFile(
      program,
      args,
      { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT, windowsHide: true, env },
      (error, stdout, stderr) => {
        if (!error) return resolve({ outcome: 'ok', stdout, stderr });
        if (error.killed) return resolve({ outcome: 'hung', stdout, stderr });
        const missing = typeof error.code === 'string' && ['ENOENT', 'EACCES', 'ENOTDIR'].includes(error.code);
        const code = typeof error.code === 'number' ? error.code : undefined;
        resolve({ outcome: missing ? 'missing' : 'failed', stdout, stderr, code });
      },
    );
  });

/** Asks the first of several places where a program may be. */
export async function runFirst(
  run: RunTool,
  programs: readonly string[],
  args: readonly string[],
): Promise<ToolAnswer> {
  let answer: ToolAnswer = { outcome: 'missing', stdout: '', stderr: '' };
  for (const program of programs) {
    answer = await run(program, args);
    if (answer.outcome !== 'missing') return answer;
  }
  return answer;
}
