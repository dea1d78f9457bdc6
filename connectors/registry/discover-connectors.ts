import type { ServiceManifest } from '../../contract/service-manifest.ts';
import type { SwitchedOff } from '../../platform/catalog/join-catalog.ts';
import { ConfigError } from '../../platform/config/config-error.ts';
import { meant } from '../../platform/config/nearest.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { ConnectorClass } from '../contract/connector.ts';
import type { ConnectorSource, DiscoveryProblem } from './find-sources.ts';
import { importModule } from './import-module.ts';
import { findManifests } from './load-manifests.ts';

/** A connector class that can be loaded when it is needed. */
export interface DiscoveredConnector {
  /** @throws Error naming the file, when it does not load or does not export the class */
  load(): Promise<ConnectorClass>;
  file: string;
  /** Family it belongs to. */
  family: string;
}

export interface DiscoveredConnectors {
  manifests: ServiceManifest[];
  /** By class name. */
  connectors: Map<string, DiscoveredConnector>;
  /** What could not be used; the rest works without it. */
  problems: DiscoveryProblem[];
  /** Names that CONNECTORS and `.env.<name>` may use: of family folders and of single files. */
  families: string[];
  /** Families that load here. */
  on: string[];
  off: SwitchedOff;
}

/**
 * Finds the connectors in folders: family folders with `manifest.ts` and `connector.ts`, and single files
 * `my-service-connector.ts`. Families are loaded only when asked for; single files are loaded here, so that a broken
 * one shows at once.
 * @param dirs absolute; what comes first wins where two claim one name
 * @param configDir where families look for services that files describe
 * @param only families that load; the others are described as off. Empty: all load
 * @throws ConfigError when `only` names a family that is not there
 */
export async function discoverConnectors(
  dirs: readonly string[],
  logger: Logger,
  configDir?: string,
  only: readonly string[] = [],
): Promise<DiscoveredConnectors> {
  const listed = only.length > 0 ? only : undefined;
  const { found, sources, problems, families, off } = await findManifests(dirs, configDir, listed);
  refuseUnknown(only, families, off);
  const connectors = new Map<string, DiscoveredConnector>();
  const broken = new Set<ConnectorSource>();
  const add = (className: string, { connectorFile: file, name: family }: ConnectorSource) => {
    const other = connectors.get(className);
    if (!other) connectors.set(className, { file, family, load: () => loadClass(file, className) });
    else if (other.file !== file) {
      problems.push({
        file,
        problem: `has a class ${className}, and so has ${other.file}`,
        hint: 'rename one of them',
      });
    }
  };
  for (const source of sources) {
    const named = found.filter((each) => each.source === source).flatMap(({ manifest }) => manifest.connectors);
    if (source.kind === 'family') for (const className of named) add(className, source);
    else {
      const classes = await classesIn(source.connectorFile, problems);
      if (classes.length === 0) broken.add(source);
      for (const className of classes) add(className, source);
    }
  }
  for (const { file, problem, hint } of problems) logger.warn({ file, hint }, `connector left out: ${problem}`);
  const manifests = found.filter(({ source }) => !broken.has(source)).map(({ manifest }) => manifest);
  return { manifests, connectors, problems, families, on: [...new Set(sources.map(({ name }) => name))], off };
}

function refuseUnknown(only: readonly string[], families: readonly string[], off: SwitchedOff): void {
  const problems = only
    .filter((name) => !families.includes(name))
    .map((name) => ({
      name: 'CONNECTORS',
      problem: `there is no connector family "${name}"`,
      hint: `${hintFor(name, off)}${meant(name, families)}`,
    }));
  if (problems.length > 0) throw new ConfigError('The configuration is not valid', problems);
}

/** A class or a service is what people may name instead of its family. */
function hintFor(name: string, { connectors, services }: SwitchedOff): string {
  const family = connectors.get(name) ?? services.get(name);
  return family === undefined ? '' : `it is part of ${family}: name that; `;
}

async function classesIn(file: string, problems: DiscoveryProblem[]): Promise<string[]> {
  try {
    return [...connectorClasses(await importModule(file)).keys()];
  } catch (error) {
    const { message } = error as Error;
    // A file that describes itself has been tried already.
    if (!problems.some((known) => known.file === file)) problems.push({ file, problem: message });
    return [];
  }
}

async function loadClass(file: string, className: string): Promise<ConnectorClass> {
  const classes = connectorClasses(await importModule(file));
  const found = classes.get(className);
  if (found) return found;
  const others = [...classes.keys()].join(', ') || 'none';
  throw new Error(`${file} does not export a connector class ${className}; it exports: ${others}`);
}

function connectorClasses(exports: Record<string, unknown>): Map<string, ConnectorClass> {
  const classes = new Map<string, ConnectorClass>();
  for (const [key, value] of Object.entries(exports)) {
    if (!isConnectorClass(value)) continue;
    const name = key === 'default' ? (value as unknown as { name: string }).name : key;
    if (name.endsWith('Connector')) classes.set(name, value);
  }
  return classes;
}

function isConnectorClass(value: unknown): value is ConnectorClass {
  if (typeof value !== 'function') return false;
  const prototype = value.prototype as { processJob?: unknown } | undefined;
  return typeof prototype?.processJob === 'function';
}
