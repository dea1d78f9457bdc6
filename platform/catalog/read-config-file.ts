import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { ConfigError } from '../config/config-error.ts';
import { explainIssues } from '../config/explain-issues.ts';
import { expandTemplates } from './env-template.ts';

/**
 * Reads a JSON file of the configuration folder, expands `${VAR:-default}` and validates it.
 * @throws ConfigError naming the file, each wrong key and the way out
 */
export function readConfigFile<S extends z.ZodType>(file: string, schema: S, env: NodeJS.ProcessEnv): z.output<S> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError('The configuration is not complete', [
      {
        name: file,
        problem: `cannot be read: ${(error as Error).message}`,
        hint: 'restore the file, or point SWITCHYARD_CONFIG_DIR at the folder that holds it',
      },
    ]);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new ConfigError('The configuration is not valid', [
      { name: file, problem: jsonProblem((error as Error).message, text), hint: 'mend the file' },
    ]);
  }
  const parsed = schema.safeParse(expandTemplates(document, env));
  if (parsed.success) return parsed.data;
  throw new ConfigError(`${file} is not valid`, explainIssues(parsed.error.issues, schema, document));
}

/** "at position 120" is of no use to a reader: line and column are. */
function jsonProblem(message: string, text: string): string {
  const position = /position (\d+)/.exec(message)?.[1];
  if (position === undefined || message.includes('line ')) return `is not JSON: ${message}`;
  const lines = text.slice(0, Number(position)).split('\n');
  return `is not JSON: ${message} (line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1})`;
}
