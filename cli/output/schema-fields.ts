import type { JsonSchema } from '../api-client/answers.ts';
import type { Style } from './style.ts';
import { pad, plain, widthOf, wrap } from './text-width.ts';

/** One field of a payload as help texts show it. */
export interface SchemaField {
  /** As `--set` takes it: `size.width`, `loras[].name`. */
  path: string;
  type: string;
  required: boolean;
  /** What would be accepted beyond the type, and the default. */
  limits: string;
  description: string;
}

/** How deep fields of fields are shown. */
const MAX_DEPTH = 4;

/** Every field of an object schema, parents before their parts. */
export function schemaFields(schema: JsonSchema, prefix = '', depth = 0): SchemaField[] {
  if (depth > MAX_DEPTH) return [];
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = prefix + name.replaceAll('.', '\\.');
    const { inner, suffix } = partsOf(field);
    return [
      {
        path,
        type: typeOf(field),
        // zod writes fields with a default as required in what it gives out; a client may leave them out.
        required: required.has(name) && field.default === undefined,
        limits: limitsOf(field),
        description: field.description ?? '',
      },
      ...(inner ? schemaFields(inner, `${path}${suffix}.`, depth + 1) : []),
    ];
  });
}

const NAMES_WIDTH = 24;

/** The name of each field beside its type and limits, and below them what it means. */
export function fieldLines(fields: readonly SchemaField[], style: Style, width: number): string[] {
  const names = fields.map((field) => plain(field.path) + (field.required ? ' *' : ''));
  const nameWidth = Math.min(NAMES_WIDTH, Math.max(...names.map(widthOf)));
  const room = Math.max(30, width - nameWidth - 4);
  return fields.flatMap((field, index) => {
    const name = names[index] ?? '';
    const facts = [field.type, field.limits].filter(Boolean).map(plain).join(', ');
    const right = [...wrap(facts, room).map(style.accent), ...wrap(plain(field.description), room)];
    const head = widthOf(name) > nameWidth ? [style.bold(name)] : [];
    return [
      ...head,
      ...right.map((line, at) => `${pad(at === 0 && head.length === 0 ? style.bold(name) : '', nameWidth)}  ${line}`),
    ];
  });
}

function partsOf(field: JsonSchema): { inner?: JsonSchema; suffix: string } {
  if (field.properties) return { inner: field, suffix: '' };
  const { items } = field;
  return typeof items === 'object' && items.properties ? { inner: items, suffix: '[]' } : { suffix: '' };
}

function typeOf(field: JsonSchema): string {
  if (field.const !== undefined) return JSON.stringify(field.const);
  if (field.enum) return field.enum.map((value) => JSON.stringify(value)).join(' | ');
  const options = field.anyOf ?? field.oneOf;
  if (options) return [...new Set(options.map(typeOf))].join(' | ');
  if (field.allOf) return [...new Set(field.allOf.map(typeOf))].join(' & ');
  const type = [field.type ?? 'any'].flat().join(' | ');
  if (type !== 'array') return type;
  return typeof field.items === 'object' ? `list of ${typeOf(field.items)}` : 'list';
}

function limitsOf(field: JsonSchema): string {
  const { minimum, maximum, exclusiveMinimum: over, exclusiveMaximum: under } = field;
  // zod bounds every integer by what a double can hold; that says nothing.
  const least = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined;
  const most = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  return [
    least !== undefined && most !== undefined ? `${least}–${most}` : '',
    least !== undefined && most === undefined ? `at least ${least}` : '',
    least === undefined && most !== undefined ? `at most ${most}` : '',
    over === undefined ? '' : `more than ${over}`,
    under === undefined ? '' : `less than ${under}`,
    lengthText(field.minLength, field.maxLength, 'characters'),
    lengthText(field.minItems, field.maxItems, 'entries'),
    field.format ?? '',
    field.default === undefined ? '' : `default ${JSON.stringify(field.default)}`,
  ]
    .filter(Boolean)
    .join(', ');
}

function lengthText(least: number | undefined, most: number | undefined, unit: string): string {
  if (most !== undefined) return `${least ? `${least}–` : 'at most '}${most} ${unit}`;
  return least ? `at least ${least} ${unit}` : '';
}
