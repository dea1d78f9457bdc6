import { join } from 'node:path';
import { createFileArtifactStore } from '../../platform/artifacts/file-artifact-store.ts';
import type { ArtifactStore } from '../../platform/artifacts/artifact-store.ts';
import type { Catalog } from '../../platform/catalog/catalog.ts';
import { loadCatalog } from '../../platform/catalog/load-catalog.ts';
import { loadConfig } from '../../platform/config/load-config.ts';
import type { Config } from '../../platform/config/settings.ts';
import { createLogger } from '../../platform/logging/create-logger.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { projectRoot } from '../../platform/project-root.ts';
import { discoverConnectors, type DiscoveredConnectors } from '../../connectors/registry/discover-connectors.ts';
import type { PlanningOptions } from '../../platform/routing/plan-job.ts';

/** What every process of Switchyard starts from. */
export interface ProcessBase {
  config: Config;
  logger: Logger;
  catalog: Catalog;
  discovered: DiscoveredConnectors;
  artifacts: ArtifactStore;
  planning: PlanningOptions;
}

/** Folders of the built-in connectors, beside the running code, and of those the operator adds. */
function connectorDirs(config: Config): string[] {
  return [new URL('../../connectors', import.meta.url).pathname, ...config.connectorDirs];
}

/**
 * Configuration, logger, connectors, catalog and store of one process.
 * @throws ConfigError with everything that is wrong, at once
 */
export async function loadProcess(name: string, env: NodeJS.ProcessEnv): Promise<ProcessBase> {
  const { config } = loadConfig(env, env['SWITCHYARD_HOME'] ?? projectRoot());
  const logger = createLogger({ level: config.logLevel, name });
  const discovered = await discoverConnectors(connectorDirs(config), logger, config.configDir);
  const catalog = loadCatalog(config.configDir, discovered.manifests, env);
  return {
    config,
    logger,
    catalog,
    discovered,
    artifacts: createFileArtifactStore(join(config.dataDir, 'artifacts'), { inputRetentionMs: config.inputRetention }),
    planning: {
      artifactRetention: config.artifactRetention,
      heartbeatTimeout: config.heartbeatTimeout,
      maxPayloadBytes: config.maxPayloadBytes,
    },
  };
}
