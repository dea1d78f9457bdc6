import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { usageError } from '../cli-error.ts';
import type { Terminal } from '../terminal.ts';

/**
 * A JSON object from a file, from standard input (`-`) or written out.
 * @param source a path, or `-`
 * @throws CliError naming the file and the place of the mistake
 */
export async function readJsonFile(
  source: string,
  option: string,
  terminal: Terminal,
): Promise<Record<string, unknown>> {
  return parseObject(
    source === '-' ? await readStdin(option, terminal) : await readText(source, option, terminal),
    source === '-' ? `${option} (standard input)` : `${option} ${source}`,
  );
}

/** `JSON`, `@file` or `-`: the value of `--payload`. @throws CliError */
export async function readJsonArgument(
  value: string,
  option: string,
  terminal: Terminal,
): Promise<Record<string, unknown>> {
  if (value === '-') return readJsonFile('-', option, terminal);
  if (value.startsWith('@')) return readJsonFile(value.slice(1), option, terminal);
  return parseObject(value, option);
}

async function readStdin(option: string, terminal: Terminal): Promise<string> {
  if (terminal.stdin.isTTY) {
    throw usageError(
      `${option} - reads standard input, which is the keyboard here`,
      'Pipe a document in, or name a file.',
    );
  }
  return text(terminal.stdin);
}

async function readText(path: string, option: string, terminal: Terminal): Promise<string> {
  try {
    return await readFile(resolve(terminal.cwd, path), 'utf8');
  } catch (error) {
    throw unreadable(path, option, error, terminal);
  }
}

/** A file that the user named and that cannot be read, told as exit code 2. */
export function unreadable(path: string, option: string, error: unknown, terminal: Terminal): Error {
  const { code } = error as NodeJS.ErrnoException;
  const why =
    code === 'ENOENT'
      ? 'there is no such file'
      : code === 'EISDIR'
        ? 'it is a folder'
        : code === 'EACCES'
          ? 'you may not read it'
          : (error as Error).message;
  return usageError(`${option}: ${path}: ${why}`, `Looked in ${resolve(terminal.cwd, path)}`);
}

function parseObject(source: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw usageError(`${what} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usageError(`${what} must be a JSON object, like {"scale": 4}`);
  }
  return value as Record<string, unknown>;
}
