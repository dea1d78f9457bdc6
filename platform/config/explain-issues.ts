import { z } from 'zod';
import type { ConfigProblem } from './config-error.ts';
import { meant } from './nearest.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** As much of JSON Schema as it takes to find the keys of a place and what a key is for. */
interface Shape {
  description?: string;
  properties?: Record<string, Shape>;
  additionalProperties?: Shape | boolean;
  items?: Shape | boolean;
  anyOf?: Shape[];
  oneOf?: Shape[];
}

const SECRET = /key|token|secret|password|credential|_env$/i;
const LONGEST_VALUE = 60;

/**
 * What is wrong with a configuration document, key by key, each with the way out. Values are shown as they stand in the
 * file, never as `${VAR}` came out, and not at all under keys that sound like a secret.
 * @param document as it was read, before `${VAR}` was filled in
 */
export function explainIssues(issues: readonly Issue[], schema: z.ZodType, document: unknown): ConfigProblem[] {
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape;
  return issues.flatMap((issue) => explain(issue, [], shape, document));
}

function explain(issue: Issue, above: Path, shape: Shape, document: unknown): ConfigProblem[] {
  const path = [...above, ...issue.path];
  const name = pathText(path);
  const value = valueAt(document, path);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(shape, path).filter((key) => key !== '$schema');
      return issue.keys.map((key) => ({
        name: pathText([...path, key]),
        problem: 'is no known key',
        hint: meant(key, known),
      }));
    }
    case 'invalid_key':
      return [{ name, problem: issue.issues[0]?.message ?? 'is no good name', hint: 'rename it' }];
    case 'invalid_union': {
      const fitting = issue.errors.find((branch) =>
        branch.every((one) => one.path.length > 0 || one.code !== 'invalid_type'),
      );
      if (fitting && fitting.length > 0) return fitting.flatMap((one) => explain(one, path, shape, document));
      return [problem(name, unionText(issue), value, path, shape)];
    }
    case 'invalid_type':
      return [problem(name, plainMessage(issue) ?? `must be ${expectedText(issue.expected)}`, value, path, shape)];
    case 'invalid_value': {
      const choices = issue.values.map(String);
      const found = problem(name, `must be ${oneOf(choices)}`, value, path, shape);
      return [typeof value === 'string' && !isTemplate(value) ? { ...found, hint: meant(value, choices) } : found];
    }
    default:
      return [problem(name, plainMessage(issue) ?? issue.message, value, path, shape)];
  }
}

function problem(name: string, text: string, value: unknown, path: Path, shape: Shape): ConfigProblem {
  const description = shapesAt(shape, path).find((each) => each.description !== undefined)?.description;
  const hint = description === undefined ? {} : { hint: description };
  if (value === undefined) return { name, problem: `is missing: it ${text}`, ...hint };
  const shown = path.some((key) => SECRET.test(String(key))) ? 'not that' : describe(value);
  return {
    name,
    problem: `${text}, but ${isTemplate(value) ? `${shown} gives something else` : `is ${shown}`}`,
    ...hint,
  };
}

/** Messages of ours begin with a small letter; zod's own tell less than can be told here. */
function plainMessage({ message }: Issue): string | undefined {
  return /^(must|is) /.test(message) ? message : undefined;
}

function unionText(issue: Extract<Issue, { code: 'invalid_union' }>): string {
  const own = plainMessage(issue);
  if (own !== undefined) return own;
  const expected = issue.errors.flatMap((branch) => branch.flatMap((one) => ('expected' in one ? [one.expected] : [])));
  return `must be ${oneOf([...new Set(expected)].map(expectedText))}`;
}

function oneOf(choices: readonly string[]): string {
  return choices.length < 2
    ? (choices[0] ?? 'something else')
    : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}

const WORDS: Record<string, string> = {
  string: 'text',
  array: 'a list [...]',
  object: 'an object {...}',
  record: 'an object {...}',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

function expectedText(expected: string): string {
  return WORDS[expected] ?? expected;
}

function isTemplate(value: unknown): boolean {
  return typeof value === 'string' && value.includes('${');
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

function pathText(path: Path): string {
  return path.map(String).join('.') || '(the whole file)';
}

function valueAt(document: unknown, path: Path): unknown {
  let value = document;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return value;
}

function keysAt(shape: Shape, path: Path): string[] {
  return [...new Set(shapesAt(shape, path).flatMap((each) => Object.keys(each.properties ?? {})))];
}

/** What the schema says of a place; several where it offers alternatives. */
function shapesAt(shape: Shape, path: Path): Shape[] {
  const here = [shape, ...(shape.anyOf ?? []), ...(shape.oneOf ?? [])];
  const [key, ...rest] = path;
  if (key === undefined) return here;
  return here.flatMap(({ properties, additionalProperties, items }) => {
    const inside = typeof key === 'number' ? items : (properties?.[String(key)] ?? additionalProperties);
    return typeof inside === 'object' ? shapesAt(inside, rest) : [];
  });
}
