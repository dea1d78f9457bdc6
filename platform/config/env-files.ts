import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError, type ConfigProblem } from './config-error.ts';

/** What the `.env` files of a folder give a process. Values never leave `env`: messages and lists name variables only. */
export interface EnvFiles {
  /** The environment that was given, and what the files add to it. */
  env: NodeJS.ProcessEnv;
  /** Folder of the files. */
  folder: string;
  /** Names of the files that were read, the weakest first. */
  read: string[];
  /** Variable → the file whose value is in force. */
  origins: ReadonlyMap<string, string>;
}

/** Files that belong to no connector. */
const COMMON = ['.env', '.env.local'];

/**
 * Where the `.env` files of a site lie: SWITCHYARD_ENV_DIR, else its home. A folder that does not exist holds none.
 * @param home `SWITCHYARD_HOME`, or the folder of the project
 */
export function envFolder(env: NodeJS.ProcessEnv, home: string): string {
  return env['SWITCHYARD_ENV_DIR'] || home;
}

/**
 * Reads `.env` and `.env.local`, then `.env.<family>` and `.env.<family>.local` of each connector family. The
 * environment wins over all of them, a file of a family over a common one, a `.local` one over the one beside it; in
 * the environment an empty variable counts as given, so that it switches a file's value off.
 * @param families families whose connectors this process may load
 * @throws ConfigError for files that cannot be read, lines without a "=", and families that want different values for
 *   one variable: a process has one environment
 */
export function readEnvFiles(folder: string, env: NodeJS.ProcessEnv, families: readonly string[] = []): EnvFiles {
  const problems: ConfigProblem[] = [];
  const read: string[] = [];
  const values: Record<string, string> = {};
  const origins = new Map<string, string>();
  const owners = new Map<string, string>();
  const load = (name: string, family?: string) => {
    const found = readEnvFile(folder, name, problems);
    if (!found) return;
    read.push(name);
    for (const [variable, value] of Object.entries(found)) {
      const other = owners.get(variable);
      if (family !== undefined && env[variable] === undefined) {
        if (other !== undefined && other !== family && values[variable] !== value) {
          problems.push({
            name: `${variable} (${name})`,
            problem: `has another value in ${origins.get(variable)}, and a process has one environment`,
            hint: `keep it in one of the two, or in .env; or run each with CONNECTORS=${other} and CONNECTORS=${family}`,
          });
        }
        owners.set(variable, family);
      }
      values[variable] = value;
      origins.set(variable, name);
    }
  };
  for (const name of COMMON) load(name);
  for (const family of families) {
    load(`.env.${family}`, family);
    load(`.env.${family}.local`, family);
  }
  if (problems.length > 0) throw new ConfigError(`The .env files in ${folder} are not valid`, problems);
  const added = Object.entries(values).filter(([variable]) => env[variable] === undefined);
  return {
    env: { ...env, ...Object.fromEntries(added) },
    folder,
    read,
    origins: new Map(added.map(([variable]) => [variable, origins.get(variable) as string])),
  };
}

/** Files that look like a family's and belong to none, e.g. `.env.comfy`: nobody reads them. */
export function strayEnvFiles(folder: string, families: readonly string[]): string[] {
  const known = new Set([...COMMON, ...families.flatMap((family) => [`.env.${family}`, `.env.${family}.local`])]);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.startsWith('.env.') && !name.endsWith('.example') && !known.has(name))
    .toSorted((a, b) => (a < b ? -1 : 1));
}

function readEnvFile(folder: string, name: string, problems: ConfigProblem[]): Record<string, string> | undefined {
  const file = join(folder, name);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    problems.push({
      name: file,
      problem: `cannot be read: ${code ?? message}`,
      hint: 'mend its permissions or remove it',
    });
    return undefined;
  }
  for (const line of linesWithoutValue(text)) {
    problems.push({
      name: `${file}, line ${line}`,
      problem: 'has no "="',
      hint: 'write NAME=value, or # before a comment',
    });
  }
  return parseEnv(text.replace(/^\uFEFF/, '')) as Record<string, string>;
}

const ASSIGNMENT = /^\s*(?:export\s+)?[\w.-]+\s*=\s*(["'`]?)(.*)$/;

/** The parser passes over such lines without a word. Numbers from 1; values in quotes may go over several lines. */
function linesWithoutValue(text: string): number[] {
  const bad: number[] = [];
  let quote = '';
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (quote) {
      if (line.includes(quote)) quote = '';
      continue;
    }
    const [, opened = '', rest = ''] = ASSIGNMENT.exec(line) ?? [];
    if (opened && !rest.includes(opened)) quote = opened;
    else if (!ASSIGNMENT.test(line) && !/^\s*(?:#|$)/.test(line)) bad.push(index + 1);
  }
  return bad;
}
