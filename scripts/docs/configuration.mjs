import { GENERATED, table } from './markdown.mjs';

/**
 * docs/configuration.md.
 * @param {Record<string, {env: string, default: string | undefined, description: string, secret?: true}>} settings
 *   `SETTINGS` of platform/config/settings.ts
 * @param {{pool: object, offers: object, connector: object, worker: object, service: object}} schemas JSON schemas (input side)
 *   of the parts of pools.json and service-mapping.json
 */
export function renderConfiguration(settings, schemas) {
  const rows = Object.entries(settings).map(([name, s]) => [
    `\`${s.env}\``,
    `\`${name}\``,
    s.default === undefined ? '–' : s.default === '' ? 'empty' : `\`${s.default}\``,
    `${s.description}.${s.secret ? ' **Secret.**' : ''}`,
  ]);
  return `${GENERATED}

# Configuration

## Settings

A setting comes from its environment variable, else from \`switchyard.config.json\`, else it has its default. A bad value
stops the start with a message that names every one of them; nothing is half configured.

\`switchyard.config.json\` lies in the folder the program is started in (\`SWITCHYARD_CONFIG\` names another file). It is one
JSON object with the names of the second column; an unknown name is an error:

\`\`\`json
{ "port": 8401, "logLevel": "debug", "artifactRetention": "30d" }
\`\`\`

Durations are a number of seconds or text such as \`90s\`, \`5m\`, \`2h\`, \`7d\`. Lists are comma-separated in the environment
and arrays in the file. Relative paths start at the folder the program is started in. Flags are \`true\` or \`false\`.

${table(['variable', 'name in the file', 'default', 'meaning'], rows)}

## Pools: \`pools.json\`

In the folder \`SWITCHYARD_CONFIG_DIR\`. \`{"pools": {"<name>": {…}}}\`; a name is lower-case letters, digits, \`-\` and \`_\`. A new
pool needs no code: write it here, name it in the mapping, start a worker for it.

${fields(schemas.pool, 'field of a pool')}

\`offers\` is a promise about every machine of the pool, which routing compares with a job's \`requirements\`:

${fields(schemas.offers, 'field of `offers`')}

## Services: \`service-mapping.json\`

In the same folder. It says which connector serves which capability, and in which pools. Texts may hold \`\${VAR}\` or
\`\${VAR:-default}\`, filled in from the environment.

${fields(schemas.connector, 'field of `connectors.<class name>`')}

${fields(schemas.worker, 'field of `workers.<name>`')}

${fields(schemas.service, 'field of `workers.<name>.service[]`')}
`;
}

/** One table of a JSON schema's properties. */
function fields(schema, title) {
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
  const options = property.anyOf ?? property.oneOf;
  if (Array.isArray(property.type)) return kind({ ...property, type: property.type.find((type) => type !== 'null') });
  if (options) return [...new Set(options.filter((option) => option.type !== 'null').map(kind))].join(' or ');
  if (property.type === 'array') return `list of ${property.items?.type ? kind(property.items) : 'values'}`;
  return [WORDS[property.type] ?? 'number or text', range(property)].filter(Boolean).join(', ');
}

function range({ minimum, exclusiveMinimum, maximum }) {
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const least = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum;
  if (exclusiveMinimum !== undefined) return `over ${exclusiveMinimum}${most === undefined ? '' : `, at most ${most}`}`;
  if (least !== undefined && most !== undefined) return `${least}–${most}`;
  return least === undefined ? most && `at most ${most}` : `at least ${least}`;
}
