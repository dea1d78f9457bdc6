import { createStyle, type Style } from './output/style.ts';

/** A stream the command writes to; `columns` only on a terminal. */
export type OutputStream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

/** Everything a command knows of the world around it, handed in once. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Colours for standard output, if it shows them. */
  readonly style: Style;
  /** Colours for standard error, if it shows them. */
  readonly errorStyle: Style;
  /** Calls back on Ctrl-C until the returned function is called; without one, Ctrl-C ends the process. */
  onInterrupt(listener: () => void): () => void;
}

/** The terminal that this process was started from. */
export function processTerminal(process: NodeJS.Process): Terminal {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    style: createStyle(process.stdout, process.env),
    errorStyle: createStyle(process.stderr, process.env),
    onInterrupt(listener) {
      process.on('SIGINT', listener);
      return () => process.off('SIGINT', listener);
    },
  };
}

/** A line for the user. */
export function say(terminal: Terminal, line = ''): void {
  terminal.stdout.write(`${line}\n`);
}

/** A line that is no result: hints, warnings, what is being done. Never mixed into a script's input. */
export function note(terminal: Terminal, line = ''): void {
  terminal.stderr.write(`${line}\n`);
}

/** The machine-readable answer: one document, indented for a person's eye, or one line in a stream of events. */
export function sayJson(terminal: Terminal, value: unknown, layout: 'document' | 'line' = 'document'): void {
  say(terminal, layout === 'line' ? JSON.stringify(value) : JSON.stringify(value, undefined, 2));
}
