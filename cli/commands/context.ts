import type { Command } from 'commander';
import { ApiClient } from '../api-client/client.ts';
import { findApi } from '../api-client/find-api.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** What every command is built with. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** `--json` is on the line: nothing but JSON is to be written, errors included. */
  readonly json: boolean;
  /** Set by the command that ran. */
  exitCode: ExitCode;
}

/** Options that every command takes, wherever they stand on the line. */
export interface GlobalOptions {
  url?: string;
  dataDir?: string;
  json?: boolean;
}

export function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}

function openSession({ terminal }: CommandContext, options: GlobalOptions): Session {
  const { url, dataDir, json = false } = options;
  return { terminal, json, api: new ApiClient(findApi({ url, dataDir, env: terminal.env, cwd: terminal.cwd })) };
}

/**
 * The action of a command that talks to the API. `run` gets the command's arguments and, last, its own options.
 * @param run resolves with the exit code; nothing means 0
 */
export function apiAction<Args extends unknown[]>(
  context: CommandContext,
  run: (session: Session, ...args: Args) => Promise<ExitCode | undefined | void>,
): (...args: unknown[]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command;
    const session = openSession(context, globalOptions(command));
    context.exitCode = (await run(session, ...(all.slice(0, -1) as Args))) ?? EXIT.ok;
  };
}

/** The block of examples under a command's help. */
export function examples(...lines: readonly (readonly [command: string, what: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  return ['', 'Examples:', ...lines.map(([command, what]) => `  ${command.padEnd(width)}   ${what}`.trimEnd())].join(
    '\n',
  );
}
