import type { MediaType, Schema } from './document.ts';
import { flattened } from './to-json-schema.ts';

const BY_FORMAT: Record<string, string> = {
  'date-time': '2030-01-01T00:00:00Z',
  date: '2030-01-01',
  email: 'somebody@example.com',
  uuid: '00000000-0000-4000-8000-000000000000',
  uri: 'https://example.com',
  url: 'https://example.com',
};
const DEEPEST = 4;

/** The example that a body brings along, if any. */
export function givenExample({ example, examples, schema }: MediaType): unknown {
  return example ?? Object.values(examples ?? {})[0]?.value ?? schema?.example ?? schema?.examples?.[0];
}

/** A value that fits: the schema's own example or default, else the plainest; of objects what is required. */
export function exampleOf(given: Schema | undefined, depth = 0): unknown {
  const schema = flattened(given ?? {});
  const known = schema.example ?? schema.examples?.[0] ?? schema.default ?? schema['const'] ?? schema.enum?.[0];
  if (known !== undefined) return known;
  if (depth > DEEPEST) return undefined;
  const [variant] = schema.oneOf ?? schema.anyOf ?? [];
  if (variant) return exampleOf(variant, depth + 1);
  const type = [schema.type].flat()[0] ?? (schema.properties ? 'object' : undefined);
  switch (type) {
    case 'string':
      return BY_FORMAT[schema.format ?? ''] ?? 'text'.padEnd(Number(schema['minLength'] ?? 0), '.');
    case 'integer':
    case 'number':
      return Number(schema['minimum'] ?? Math.min(1, Number(schema['maximum'] ?? 1)));
    case 'boolean':
      return true;
    case 'array':
      return Array.from({ length: Number(schema['minItems'] ?? 0) }, () => exampleOf(schema.items, depth + 1));
    case 'object': {
      const names = (schema.required ?? []).filter((name) => !schema.properties?.[name]?.readOnly);
      return Object.fromEntries(names.map((name) => [name, exampleOf(schema.properties?.[name], depth + 1)]));
    }
    default:
      return undefined;
  }
}
