import { join } from 'node:path';
import type { DestinationStream } from 'pino';
import { createFileArtifactStore } from '../../platform/artifacts/file-artifact-store.ts';
import type { ArtifactStore } from '../../platform/artifacts/artifact-store.ts';
import type { Catalog } from '../../platform/catalog/catalog.ts';
import { loadCatalog } from '../../platform/catalog/load-catalog.ts';
import { type EnvFiles, readEnvFiles } from '../../platform/config/env-files.ts';
import { loadSite } from '../../platform/config/load-site.ts';
import type { Config } from '../../platform/config/settings.ts';
import { createLogger } from '../../platform/logging/create-logger.ts';
import { knownSecrets } from '../../platform/logging/known-secrets.ts';
import { LogShipper } from '../../platform/logging/log-shipper.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { connectorDirs } from '../../connectors/registry/connector-dirs.ts';
import { familyNames } from '../../connectors/registry/find-sources.ts';
import { discoverConnectors, type DiscoveredConnectors } from '../../connectors/registry/discover-connectors.ts';
import { HotSends } from '../../platform/routing/hot-sends.ts';
import { beforeExit } from './lifecycle.ts';
import type { PlanningOptions } from '../../platform/routing/plan-job.ts';

/** What every process of Switchyard starts from. */
export interface ProcessBase {
  config: Config;
  /** The environment with what the `.env` files of the site and of its connector families add. */
  env: NodeJS.ProcessEnv;
  envFiles: EnvFiles;
  logger: Logger;
  catalog: Catalog;
  discovered: DiscoveredConnectors;
  artifacts: ArtifactStore;
  planning: PlanningOptions;
}

/**
 * Configuration, logger, connectors, catalog and store of one process.
 * @param destination of the log. Default: standard output
 * @throws ConfigError with everything that is wrong, at once
 */
export async function loadProcess(
  name: string,
  env: NodeJS.ProcessEnv,
  destination?: DestinationStream,
): Promise<ProcessBase> {
  const site = loadSite(env);
  const { config } = site;
  const dirs = connectorDirs(config.connectorDirs);
  const families = config.connectors.length > 0 ? config.connectors : await familyNames(dirs);
  const envFiles = readEnvFiles(site.envFiles.folder, env, families);
  const shipper = config.logHttpUrl === undefined ? undefined : new LogShipper({ url: config.logHttpUrl });
  if (shipper) beforeExit(() => shipper.flush());
  const logger = createLogger({
    level: config.logLevel,
    name,
    shipper,
    secrets: knownSecrets(envFiles.env),
    ...(destination ? { destination } : {}),
  });
  const discovered = await discoverConnectors(dirs, logger, config.configDir, config.connectors);
  const catalog = loadCatalog(config.configDir, discovered.manifests, envFiles.env, discovered.off);
  return {
    config,
    env: envFiles.env,
    envFiles,
    logger,
    catalog,
    discovered,
    artifacts: createFileArtifactStore(join(config.dataDir, 'artifacts'), { inputRetentionMs: config.inputRetention }),
    planning: {
      artifactRetention: config.artifactRetention,
      heartbeatTimeout: config.heartbeatTimeout,
      maxPayloadBytes: config.maxPayloadBytes,
      hotSends: new HotSends(),
    },
  };
}
