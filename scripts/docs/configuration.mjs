import { fields } from './fields.mjs';
import { GENERATED, table } from './markdown.mjs';

/**
 * docs/configuration.md.
 * @param {Record<string, {env: string, default: string | undefined, description: string, secret?: true}>} settings
 *   `SETTINGS` of platform/config/settings.ts
 * @param {{pool: object, offers: object, scaling: object}} schemas JSON schemas (input side) of the parts of pools.json
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

\`switchyard.config.json\` lies in the project's folder, or the one that \`SWITCHYARD_HOME\` names (\`SWITCHYARD_CONFIG\` names
another file). It is one JSON object with the names of the second column; an unknown name is an error:

\`\`\`json
{ "port": 8401, "logLevel": "debug", "artifactRetention": "30d" }
\`\`\`

Durations are a number of seconds or text such as \`90s\`, \`5m\`, \`2h\`, \`7d\`. Lists are comma-separated in the environment
and arrays in the file. Relative paths start at that same folder, wherever the program is started. Flags are \`true\` or \`false\`.

${table(['variable', 'name in the file', 'default', 'meaning'], rows)}

## Pools: \`pools.json\`

In the folder \`SWITCHYARD_CONFIG_DIR\`. \`{"pools": {"<name>": {…}}}\`; a name is lower-case letters, digits, \`-\` and \`_\`. A new
pool needs no code: write it here, name it in the mapping, start a worker for it.

${fields(schemas.pool, 'field of a pool')}

\`offers\` is a promise about every machine of the pool, which routing compares with a job's \`requirements\`:

${fields(schemas.offers, 'field of `offers`')}

With \`scaling\` the pool grows and shrinks with its work; [Scaling](scaling.md) tells how. Numbers are for one pool:

${fields(schemas.scaling, 'field of `scaling`')}

## Services: \`service-mapping.json\`

In the same folder: which connector serves which capability, in which pools, on what kind of machine, and what WORKERS and
CONNECTORS choose from it. [Service mapping](service-mapping.md) describes every key.
`;
}
