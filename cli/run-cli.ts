import { CommanderError } from 'commander';
import { ApiError } from './api-client/errors.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './commands/context.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { fieldErrorLines } from './output/job-error.ts';
import { buildProgram, USAGE_HINT } from './program.ts';
import { note, type Terminal } from './terminal.ts';

/**
 * Runs one command line. Everything that goes wrong is told on standard error, with the way out.
 * @param args without `node` and the script
 * @returns the exit code
 */
export async function runCli(args: readonly string[], terminal: Terminal, version: string): Promise<ExitCode> {
  const json = asksForJson(args);
  const context: CommandContext = { terminal, json, exitCode: EXIT.ok };
  const program = buildProgram(context, version);
  if (args.length === 0) {
    program.outputHelp();
    return EXIT.ok;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return endOfParsing(error, terminal, json);
    const code = exitCodeOf(error);
    if (json) note(terminal, JSON.stringify(errorDocument(error, code)));
    else for (const line of errorLines(error, terminal)) note(terminal, line);
    return code;
  }
}

/** Whether `--json` stands anywhere on the line: a line with a mistake in it is not parsed to its end. */
function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).includes('--json');
}

/** Commander has printed its help already, and its errors unless they are asked for as JSON. */
function endOfParsing(error: CommanderError, terminal: Terminal, json: boolean): ExitCode {
  if (error.exitCode === 0) return EXIT.ok;
  if (json) {
    const message = error.code === 'commander.help' ? 'A command is missing' : error.message.replace(/^error: /, '');
    note(terminal, JSON.stringify({ error: { exit_code: EXIT.usage, message, hint: USAGE_HINT } }));
  }
  return EXIT.usage;
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  return (error as Error).name === 'ConfigError' ? EXIT.usage : EXIT.error;
}

/** Errors of other parts whose message is made to be read. */
const FIT_TO_PRINT = new Set(['ConfigError', 'StackError', 'NoTemporalBinaryError', 'NamespaceSetupError']);

function errorLines(error: unknown, { errorStyle: style, env }: Terminal): string[] {
  if (!(error instanceof CliError)) {
    if (!(error instanceof Error)) return [style.bad(String(error))];
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') {
      return [
        style.bad(`error: this installation is not complete: ${error.message}`),
        style.dim('npm ci installs the packages; npm run build makes dist/ anew.'),
      ];
    }
    if (FIT_TO_PRINT.has(error.name) && !env['SWITCHYARD_DEBUG']) return [style.bad(error.message)];
    return [style.bad('This is a fault in the command itself; please report it.'), error.stack ?? error.message];
  }
  const lines = [style.bad(`error: ${error.message}`)];
  if (error instanceof ApiError && error.problem.errors?.length) {
    // The message of such a problem sums up its fields: they are told one by one instead.
    lines[0] = style.bad(`error: ${error.problem.title ?? error.message}`);
    lines.push(...fieldErrorLines(error.problem.errors, style));
  }
  if (error.hint) lines.push(...error.hint.split('\n').map((line) => style.dim(line)));
  if (error instanceof ApiError && error.retryAfterMs) {
    lines.push(style.dim(`Try again in ${Math.ceil(error.retryAfterMs / 1_000)} s.`));
  }
  return lines;
}

function errorDocument(error: unknown, exitCode: ExitCode): object {
  const { message, hint } = error as CliError;
  const problem = error instanceof ApiError ? { code: error.problem.code, errors: error.problem.errors } : {};
  return { error: { exit_code: exitCode, message, ...problem, ...(hint ? { hint } : {}) } };
}
