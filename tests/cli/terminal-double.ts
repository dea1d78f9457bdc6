import { PassThrough } from 'node:stream';
import type { OutputStream, Terminal } from '../../cli/terminal.ts';
import { createStyle } from '../../cli/output/style.ts';

/** A terminal whose output a test can read. */
export interface RecordedTerminal extends Terminal {
  out(): string;
  err(): string;
}

/** @param columns with it, standard output is a terminal of that width */
export function recordedTerminal(
  options: { cwd?: string; env?: NodeJS.ProcessEnv; stdin?: string; columns?: number } = {},
): RecordedTerminal {
  const { cwd = process.cwd(), env = {}, columns } = options;
  const [out, err] = [record(columns), record()];
  const stdin = new PassThrough();
  stdin.end(options.stdin ?? '');
  return {
    stdin,
    stdout: out.stream,
    stderr: err.stream,
    env,
    cwd,
    style: createStyle(out.stream, env),
    errorStyle: createStyle(err.stream, env),
    onInterrupt: () => () => {},
    out: out.text,
    err: err.text,
  };
}

function record(columns?: number): { stream: OutputStream; text: () => string } {
  const stream: PassThrough & { isTTY?: boolean; columns?: number } = new PassThrough();
  if (columns !== undefined) Object.assign(stream, { isTTY: true, columns });
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return { stream, text: () => text };
}
