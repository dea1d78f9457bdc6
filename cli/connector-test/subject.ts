import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expandEnv, missingEnvVars } from '../../connectors/base/env-template.ts';
import type { ConnectorClass, ConnectorConfig, ConnectorInterface } from '../../connectors/contract/connector.ts';
import { connectorDirs } from '../../connectors/registry/connector-dirs.ts';
import { discoverConnectors } from '../../connectors/registry/discover-connectors.ts';
import { findManifests } from '../../connectors/registry/load-manifests.ts';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { loadCatalog } from '../../platform/catalog/load-catalog.ts';
import { readEnvFiles } from '../../platform/config/env-files.ts';
import { loadSite } from '../../platform/config/load-site.ts';
import type { Config } from '../../platform/config/settings.ts';
import { CliError, usageError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { quietLogger } from '../quiet-logger.ts';

/** A connector as a worker of this site would have it. */
export interface LiveSubject {
  service: string;
  className: string;
  /** Of the connector; its `.env.<family>` files hold its variables. */
  family: string;
  manifest: ServiceManifest;
  config: Config;
  /** The service needs no other computer, as the mapping says. */
  internal: boolean;
  /** Required variables without a value. */
  missing: string[];
  connectorClass: ConnectorClass;
  /** Where jobs go, as far as that is configured; nothing is asked for it. */
  address(): string | undefined;
  /** Makes a connector that is not initialized yet. */
  make(): ConnectorInterface;
  dispose(): Promise<void>;
}

/**
 * Finds a connector by its service or its class, with the variables of the site and of its `.env` files, which are put
 * into this process: connectors read them there.
 * @param url instead of the address that is configured
 * @throws CliError when there is no such connector, or nobody can tell which variable holds its address
 */
export async function findSubject(name: string, url: string | undefined, env: NodeJS.ProcessEnv): Promise<LiveSubject> {
  const site = loadSite(env);
  const { config } = site;
  const dirs = connectorDirs(config.connectorDirs);
  const discovered = await discoverConnectors(dirs, quietLogger(), config.configDir);
  const { services } = loadCatalog(config.configDir, discovered.manifests, site.envFiles.env, discovered.off);
  const service =
    services.get(name) ??
    [...services.values()].find((each) => each.routes.some(({ connector }) => connector === name));
  const route = service?.routes.find(({ connector }) => connector === name) ?? service?.routes[0];
  const found = route && discovered.connectors.get(route.connector);
  if (!service || !route || !found) throw unknownName(name, [...services.keys()], discovered.problems);
  const { manifest } = service;
  const { env: full } = readEnvFiles(site.envFiles.folder, env, [found.family]);
  Object.assign(process.env, full);
  const connectorClass = await found.load();
  const declared = connectorClass.getRequiredEnvVars?.() ?? {};
  const file = await serviceFile(dirs, config.configDir, manifest.service);
  const folder = file === undefined ? undefined : await alone(file);
  if (url !== undefined) process.env[await addressVariable(declared, file, route.connector)] = url;
  const settings: Partial<ConnectorConfig> = {
    health_check_interval_seconds: 0,
    ...(url === undefined ? {} : { base_url: url }),
    ...(folder === undefined ? {} : { folder }),
  };
  const make = () => new connectorClass(undefined, settings);
  const baseUrl = file === undefined ? undefined : await baseUrlIn(file);
  return {
    service: service.name,
    className: route.connector,
    family: found.family,
    manifest,
    config,
    internal: service.type === 'internal',
    missing: missingEnvVars(declared, process.env, route.required_env ?? []),
    connectorClass,
    address: () => (baseUrl ? expandEnv(baseUrl, process.env) : make().getConfiguration().base_url) || undefined,
    make,
    dispose: async () => {
      if (folder) await rm(folder, { recursive: true, force: true });
    },
  };
}

function unknownName(name: string, services: string[], problems: { file: string; problem: string }[]): CliError {
  const broken = problems.map(({ file, problem }) => `${file}: ${problem}`);
  const hint = [`There are: ${services.toSorted().join(', ')}`, ...broken.map((text) => `Left out: ${text}`)].join(
    '\n',
  );
  return new CliError(EXIT.notFound, `there is no service or connector "${name}"`, { hint });
}

/** The file of the configuration that describes a service, if one does. */
async function serviceFile(dirs: readonly string[], configDir: string, service: string): Promise<string | undefined> {
  const { found } = await findManifests(dirs, configDir);
  const file = found.find(({ manifest }) => manifest.service === service)?.file;
  return file?.endsWith('.json') ? file : undefined;
}

async function baseUrlIn(file: string): Promise<string | undefined> {
  return (JSON.parse(await readFile(file, 'utf8')) as { base_url?: string }).base_url;
}

/** A connector that serves all files of a folder is to speak of this one alone. */
async function alone(file: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-service-'));
  await copyFile(file, join(folder, basename(file)));
  return folder;
}

/** The variable that holds the address: of the class, or of the service's file. */
async function addressVariable(
  declared: Record<string, string>,
  file: string | undefined,
  className: string,
): Promise<string> {
  const names = Object.keys(declared);
  const own = names.find((name) => name.endsWith('_BASE_URL')) ?? names.find((name) => name.endsWith('_URL'));
  if (own) return own;
  if (file !== undefined) {
    const [, variable] = /\$\{(\w+)/.exec((await baseUrlIn(file)) ?? '') ?? [];
    if (variable) return variable;
    throw usageError(`--url: ${file} has a fixed base_url`, 'Write ${NAME:-the address} there, or leave --url out.');
  }
  throw usageError(
    `--url: ${className} declares no variable for its address (…_BASE_URL or …_URL in getRequiredEnvVars)`,
    'Set its address in the environment instead.',
  );
}
