import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, usageError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { addToJson } from './add-to-json.ts';
import { Templates } from './fill-template.ts';
import type { ConnectorKind } from './kinds.ts';
import type { ConnectorNames } from './names.ts';

/** A file that is to be made, or changed. Paths are relative to the root of the checkout. */
export interface PlannedFile {
  path: string;
  content: string;
  /** What it held when the plan was made; undefined for a new file. */
  before?: string;
}

export interface ScaffoldPlan {
  files: PlannedFile[];
  /** What could not be planned and is left to the author. */
  remarks: string[];
}

const MAPPING = 'config/service-mapping.json';
/** A line of the README's list of pages; the new page is named below the last one. */
const PAGE_LINE = /^- \[[^\]]*\]\(docs\/connectors\/[^)]*\).*$/gm;

/**
 * Everything a new connector consists of. Writes nothing.
 * @param configDir where the service mapping is; its folder in the checkout unless configured otherwise
 * @throws CliError (usage) when a file of these names exists, or the mapping has such an entry
 */
export function planConnector(
  root: string,
  configDir: string,
  kind: ConnectorKind,
  names: ConnectorNames,
): ScaffoldPlan {
  if (!existsSync(join(root, 'connectors', 'index.ts'))) {
    const hint = 'Connectors are made in a checkout: git clone, then npx switchyard create connector there.';
    throw new CliError(EXIT.error, `${root} holds no sources of Switchyard`, { hint });
  }
  const { service } = names;
  const templates = new Templates(root, kind, names);
  const family = `connectors/${service}`;
  const files: PlannedFile[] = [
    { path: `${family}/connector.ts`, content: templates.fill('connector.ts', 'connector') },
    { path: `${family}/manifest.ts`, content: templates.fill('manifest.ts') },
    { path: `${family}/payload.schema.ts`, content: templates.fill('payload.schema.ts') },
    { path: `tests/connectors/${service}/contract.test.ts`, content: templates.fill('contract.test.ts', 'test') },
    { path: `tests/doubles/${service}/${service}-double.ts`, content: templates.fill('double.ts', 'double') },
    { path: `.env.${service}.example`, content: templates.fill('env.example') },
    { path: `docs/connectors/${service}.md`, content: templates.fill('page.md', 'page') },
  ];
  const taken = [family, ...files.map(({ path }) => path)].filter((path) => existsSync(join(root, path)));
  if (taken.length > 0) {
    throw usageError(`"${service}" is taken: there is ${taken.join(', ')} already`, 'Nothing was written.');
  }
  const remarks: string[] = [];
  files.push(changedMapping(root, configDir, names));
  const readme = changedReadme(root, names);
  if (readme) files.push(readme);
  else remarks.push(`link docs/connectors/${service}.md from README.md: there is no list of connectors to add it to`);
  return { files, remarks };
}

function changedMapping(root: string, configDir: string, { service, stem, variables, title }: ConnectorNames) {
  const inCheckout = join(root, MAPPING);
  const file = join(configDir, 'service-mapping.json');
  const path = file === inCheckout ? MAPPING : file;
  const connector = `${stem}Connector`;
  const worker = {
    service: [{ capability: service, connector, type: 'external' }],
    pools: [preferredPool(configDir)],
    resource_binding: 'shared',
    build_stage: 'base',
    required_env: [`${variables}_BASE_URL`, `${variables}_API_KEY`],
    description: `${title} at ${variables}_BASE_URL`,
  };
  try {
    const before = readFileSync(file, 'utf8');
    refuseCapability(before, service);
    const described = { path: `./connectors/${service}`, description: title };
    const content = addToJson(before, 'connectors', connector, described);
    return { path, before, content: addToJson(content, 'workers', `${service}-api`, worker) };
  } catch (error) {
    throw usageError(`${path}: ${(error as Error).message}`, 'Nothing was written.');
  }
}

/** A capability may be served by a connector of another name. */
function refuseCapability(mapping: string, service: string): void {
  const { workers = {} } = JSON.parse(mapping) as {
    workers?: Record<string, { service?: { capability?: unknown }[] }>;
  };
  for (const [worker, { service: services = [] }] of Object.entries(workers)) {
    if (services.some(({ capability }) => [capability].flat().includes(service))) {
      throw new Error(`the worker "${worker}" serves "${service}" already`);
    }
  }
}

/** Waiting for somebody else's computer needs no strong machine. */
function preferredPool(configDir: string): string {
  const { pools = {} } = JSON.parse(readFileSync(join(configDir, 'pools.json'), 'utf8')) as { pools?: object };
  const names = Object.keys(pools);
  return names.includes('fast-lane') ? 'fast-lane' : (names[0] ?? 'standard');
}

function changedReadme(root: string, { service, title }: ConnectorNames): PlannedFile | undefined {
  const path = 'README.md';
  const before = readFileSync(join(root, path), 'utf8');
  const last = [...before.matchAll(PAGE_LINE)].at(-1);
  if (!last) return undefined;
  const end = last.index + last[0].length;
  const line = `\n- [${title}](docs/connectors/${service}.md)`;
  return { path, before, content: before.slice(0, end) + line + before.slice(end) };
}
