import { z } from 'zod';

/** `${VAR}` or `${VAR:-default}` somewhere in a text. */
const TEMPLATE = { type: 'string', pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}' };

/**
 * The JSON schemas for editors, as the text of config/schema/*.json.
 * @param {Record<string, z.ZodType>} code `poolsFileSchema`, `serviceMappingSchema`, `serviceSchema` (of a REST service)
 * @returns {Record<string, string>} path → content
 */
export function renderConfigSchemas({ poolsFileSchema, serviceMappingSchema, serviceSchema }) {
  return {
    'config/schema/pools.json': document('pools.json of Switchyard', poolsFileSchema, withTemplates),
    'config/schema/service-mapping.json': document(
      'service-mapping.json of Switchyard',
      serviceMappingSchema,
      withTemplates,
    ),
    // Its `${VAR}` stand in texts only.
    'config/schema/rest-service.json': document('A REST service of Switchyard: rest/*.json', serviceSchema, (s) => s),
  };
}

function document(title, schema, transform) {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const note = 'Made by `node scripts/generate-docs.mjs` from the schema that reads the file';
  return `${JSON.stringify({ $schema, title, $comment: note, ...transform(rest) }, null, 2)}\n`;
}

/** The same schema for a file as it is written: where a value is restricted, `${VAR}` may stand for it. */
function withTemplates(schema) {
  return { ...open(schema), $defs: { template: { description: 'Filled in from the environment', ...TEMPLATE } } };
}

const REF = { $ref: '#/$defs/template' };
const RESTRICTIONS = ['enum', 'pattern', 'minLength', 'maxLength', 'format'];

function open(schema) {
  const { description, default: fallback, ...rest } = schema;
  const about = {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
  if (isRestrictedText(rest) || ['integer', 'number', 'boolean'].includes(rest.type)) {
    return { ...about, anyOf: [rest, REF] };
  }
  if (rest.anyOf) {
    const options = rest.anyOf.map(open).flatMap((option) => option.anyOf ?? [option]);
    return { ...about, anyOf: [...new Map(options.map((option) => [JSON.stringify(option), option])).values()] };
  }
  return {
    ...about,
    ...rest,
    ...(rest.properties ? { properties: mapValues(rest.properties, open, ['$schema']) } : {}),
    ...(typeof rest.additionalProperties === 'object' ? { additionalProperties: open(rest.additionalProperties) } : {}),
    ...(typeof rest.items === 'object' ? { items: open(rest.items) } : {}),
  };
}

function isRestrictedText(schema) {
  return schema.type === 'string' && RESTRICTIONS.some((key) => key in schema);
}

function mapValues(object, change, except) {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, except.includes(key) ? value : change(value)]),
  );
}
