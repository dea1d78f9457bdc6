import { EXIT, type ExitCode } from './exit-codes.ts';

export interface CliErrorOptions {
  /** The way out, printed under the message. */
  hint?: string;
  cause?: unknown;
}

/** An end of a command that is told to the user without a stack: message, way out, exit code. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  readonly hint?: string;

  constructor(exitCode: ExitCode, message: string, options: CliErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = exitCode;
    this.hint = options.hint;
  }
}

/** What the user typed cannot be meant. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(EXIT.usage, message, { hint });
}
