import type { Schema } from './document.ts';

const KEPT = [
  'type',
  'enum',
  'const',
  'default',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'title',
  'description',
] as const;
/** Formats that both sides understand alike. */
const FORMATS = new Set(['date-time', 'date', 'email', 'uuid', 'uri', 'ipv4', 'ipv6']);
/** Deeper, or more, is left open: with every reference followed a document can be endless. */
const DEEPEST = 12;
const MOST = 2_000;

/**
 * A schema of a request as JSON Schema 2020-12, without what only documents need. What cannot be said (a circle, a
 * pattern of another language) is left open, and the service will judge.
 * @param remarks gets what was left open
 */
export function toJsonSchema(schema: Schema | undefined, remarks: Set<string>): Schema {
  return convert(schema, { remarks, above: [], count: { made: 0 } });
}

interface Walk {
  remarks: Set<string>;
  /** Schemas that this one is part of. */
  above: readonly Schema[];
  count: { made: number };
}

function convert(schema: Schema | undefined, { remarks, above, count }: Walk): Schema {
  if (!schema || typeof schema !== 'object') return {};
  if (above.includes(schema) || above.length > DEEPEST || ++count.made > MOST) {
    remarks.add('parts of the payload that contain themselves, or are very deep, are not checked');
    return {};
  }
  const deeper = (each: Schema) => convert(each, { remarks, above: [...above, schema], count });
  const flat = flattened(schema);
  const made: Schema = Object.fromEntries(KEPT.filter((key) => flat[key] !== undefined).map((key) => [key, flat[key]]));
  exclusive(made, flat, 'exclusiveMinimum', 'minimum');
  exclusive(made, flat, 'exclusiveMaximum', 'maximum');
  if (flat.format && FORMATS.has(flat.format)) made.format = flat.format;
  if (typeof flat['pattern'] === 'string') {
    if (isPattern(flat['pattern'])) made['pattern'] = flat['pattern'];
    else remarks.add(`the pattern ${flat['pattern']} is not checked`);
  }
  if (flat.items) made.items = deeper(flat.items);
  if (flat.properties) {
    const writable = Object.entries(flat.properties).filter(([, each]) => !each.readOnly);
    const names = new Set(writable.map(([name]) => name));
    made.properties = Object.fromEntries(writable.map(([name, each]) => [name, deeper(each)]));
    const required = (flat.required ?? []).filter((name) => names.has(name));
    if (required.length > 0) made.required = required;
    made['additionalProperties'] = open(flat['additionalProperties'], deeper);
  } else if (flat['additionalProperties'] && typeof flat['additionalProperties'] === 'object') {
    made['additionalProperties'] = deeper(flat['additionalProperties'] as Schema);
  }
  for (const key of ['oneOf', 'anyOf'] as const) {
    // Which one it is, is the service's to judge: schemas that overlap are common, and then oneOf refuses all.
    if (flat[key]) made.anyOf = [...(made.anyOf ?? []), ...flat[key].map(deeper)];
  }
  return flat.nullable ? nullable(made) : made;
}

/** `allOf` of objects put together to one: what it means where nobody inherits anything. */
export function flattened(schema: Schema, depth = 0): Schema {
  if (!schema.allOf || depth > DEEPEST) return schema;
  const { allOf, ...own } = schema;
  return [...allOf.map((each) => flattened(each, depth + 1)), own].reduce<Schema>(
    (sum, part) => ({
      ...sum,
      ...part,
      ...(sum.properties || part.properties ? { properties: { ...sum.properties, ...part.properties } } : {}),
      ...(sum.required || part.required ? { required: [...(sum.required ?? []), ...(part.required ?? [])] } : {}),
    }),
    {},
  );
}

/** Fields that are not named: taken where the document says so, else refused as everywhere here. */
function open(additional: unknown, deeper: (schema: Schema) => Schema): unknown {
  if (additional === true) return true;
  return additional && typeof additional === 'object' ? deeper(additional as Schema) : false;
}

/** OpenAPI 3.0 writes `exclusiveMinimum: true` beside `minimum`. */
function exclusive(made: Schema, from: Schema, key: 'exclusiveMinimum' | 'exclusiveMaximum', bound: string): void {
  if (typeof from[key] !== 'boolean') return;
  delete made[key];
  if (!from[key] || from[bound] === undefined) return;
  made[key] = from[bound];
  delete made[bound];
}

function nullable(schema: Schema): Schema {
  return {
    anyOf: [schema, { type: 'null' }],
    ...(schema.description ? { description: schema.description } : {}),
  };
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}
