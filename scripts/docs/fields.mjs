import { table } from './markdown.mjs';

/** One table of a JSON schema's properties. @param {object} schema @param {string} title head of the first column */
export function fields(schema, title) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties).map(([name, property]) => [
    `\`${name}\``,
    kind(property),
    required.has(name) ? 'required' : property.default === undefined ? '–' : `\`${JSON.stringify(property.default)}\``,
    property.description ?? '',
  ]);
  return table([title, 'kind', 'default', 'meaning'], rows);
}

const WORDS = { integer: 'whole number', string: 'text', object: 'object', number: 'number', boolean: 'true or false' };

function kind(property) {
  if (property.enum) return property.enum.map((value) => `\`${value}\``).join(', ');
  const options = (property.anyOf ?? property.oneOf)?.filter((option) => !isNumberAsText(option));
  if (Array.isArray(property.type)) return kind({ ...property, type: property.type.find((type) => type !== 'null') });
  if (options) return [...new Set(options.filter((option) => option.type !== 'null').map(kind))].join(' or ');
  if (property.type === 'array')
    return `list of ${property.items?.type || property.items?.anyOf ? kind(property.items) : 'values'}`;
  return [WORDS[property.type] ?? 'number or text', range(property)].filter(Boolean).join(', ');
}

/** What `${VAR:-4}` becomes; a reader need not know. */
function isNumberAsText({ type, pattern }) {
  return type === 'string' && (pattern ?? '').startsWith('^\\d+');
}

function range({ minimum, exclusiveMinimum, maximum }) {
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const least = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum;
  if (exclusiveMinimum !== undefined) return `over ${exclusiveMinimum}${most === undefined ? '' : `, at most ${most}`}`;
  if (least !== undefined && most !== undefined) return `${least}–${most}`;
  return least === undefined ? most && `at most ${most}` : `at least ${least}`;
}
