import { loadSite, type LoadedSite } from '../../platform/config/load-site.ts';
import { ConfigError } from '../../platform/config/config-error.ts';
import { PresenceCache } from '../../platform/presence/presence-cache.ts';
import { projectRoot } from '../../platform/project-root.ts';
import { createClient, lazyConnection } from '../../platform/temporal/connection.ts';
import { loadProcess } from '../../workers/process/load-process.ts';
import type { ApiAddress } from '../api-client/find-api.ts';
import type { StackState } from '../stack/find-stack.ts';
import { checkApi } from './check-api.ts';
import { checkBinary } from './check-binary.ts';
import { checkDataDir } from './check-data-dir.ts';
import { checkInstallation, checkNode } from './check-installation.ts';
import { checkPorts } from './check-ports.ts';
import { checkQueues } from './check-queues.ts';
import { checkServices } from './check-services.ts';
import { checkTemporal } from './check-temporal.ts';
import { checkWorkers, type SetUp } from './check-workers.ts';
import { finding, type Finding } from './finding.ts';

export interface Examination {
  env: NodeJS.ProcessEnv;
  /** Where the API is looked for; undefined while the configuration does not say. */
  address: ApiAddress | undefined;
  /** The stack that runs on this machine. */
  stack: StackState | undefined;
}

/** Looks at everything a job needs, from the ground up. Changes nothing. */
export async function* examine({ env, address, stack }: Examination): AsyncGenerator<Finding, void, void> {
  yield checkNode(process.versions.node);
  yield* await checkInstallation(projectRoot());
  const configuration = await checkConfiguration(env);
  yield* configuration.findings;
  const { loaded, base, setUp } = configuration;
  if (!loaded) {
    yield finding('Everything else', 'skip', 'looked at when the configuration is valid');
    return;
  }
  const { config } = loaded;
  yield* await checkDataDir(stack?.data_dir ?? config.dataDir);
  yield* await checkPorts(config, stack);
  if (config.temporalAddress === undefined) yield await checkBinary(config, env);
  const temporalAddress = config.temporalAddress ?? stack?.temporal_address;
  if (temporalAddress === undefined) {
    yield finding('Temporal', 'warn', 'not running', 'Start everything: npm start, or switchyard up');
  } else {
    // The stack's own Temporal speaks plain text, whatever is configured for a cluster.
    const embedded = config.temporalAddress === undefined;
    const connection = lazyConnection({
      temporalAddress,
      temporalApiKey: embedded ? undefined : config.temporalApiKey,
      temporalTls: embedded ? false : config.temporalTls,
    });
    try {
      const temporal = await checkTemporal(connection, temporalAddress, config.temporalNamespace);
      yield* temporal;
      if (base && setUp && temporal[0]?.level === 'ok') {
        const presence = new PresenceCache({
          workflowService: connection.workflowService,
          namespace: config.temporalNamespace,
          logger: base.logger,
          staleMs: Math.max(8_000, config.workerHeartbeat * 4),
        });
        yield* await checkQueues(createClient(connection, config.temporalNamespace), base.catalog, presence, setUp);
      }
    } finally {
      await connection.close();
    }
  }
  if (!address) return;
  const api = await checkApi(address.url, stack !== undefined || address.because.endsWith('says so'));
  yield api;
  if (api.level === 'ok') yield* await checkServices(address.url);
}

async function checkConfiguration(env: NodeJS.ProcessEnv): Promise<{
  findings: Finding[];
  loaded?: LoadedSite;
  base?: Awaited<ReturnType<typeof loadProcess>>;
  setUp?: SetUp;
}> {
  let loaded: LoadedSite;
  try {
    loaded = loadSite(env);
  } catch (error) {
    return { findings: problems('Configuration', error) };
  }
  const source = loaded.file ?? 'environment and defaults';
  const settings = finding('Configuration', 'ok', `valid (${source})`);
  try {
    const base = await loadProcess('doctor', { ...env, SWITCHYARD_LOG_LEVEL: 'silent' });
    const { services, pools } = base.catalog;
    const text = `${[...services.keys()].join(', ')} in pools ${[...pools.keys()].join(', ')}`;
    const { findings, setUp } = await checkWorkers(base);
    return { findings: [settings, finding('Services', 'ok', text), ...findings], loaded, base, setUp };
  } catch (error) {
    return { findings: [settings, ...problems('Services', error)], loaded };
  }
}

/** Every problem of a configuration, one finding each. @throws what is no ConfigError */
function problems(name: string, error: unknown): Finding[] {
  if (!(error instanceof ConfigError)) throw error;
  return error.problems.map((problem) => finding(name, 'fail', `${problem.name}: ${problem.problem}`, problem.hint));
}
