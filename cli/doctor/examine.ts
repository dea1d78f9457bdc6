import type { Client } from '@temporalio/client';
import { loadSite, type LoadedSite } from '../../platform/config/load-site.ts';
import { ConfigError } from '../../platform/config/config-error.ts';
import { projectRoot } from '../../platform/project-root.ts';
import type { BuildState } from '../../platform/temporal/deployments/read-deployments.ts';
import { loadProcess } from '../../workers/process/load-process.ts';
import type { ApiAddress } from '../api-client/find-api.ts';
import type { StackState } from '../stack/find-stack.ts';
import { checkApi } from './check-api.ts';
import { openTemporal, type OpenTemporal } from '../temporal/open-temporal.ts';
import { checkBinary } from './check-binary.ts';
import { checkBuilds, checkReplayed, strandedFinding } from './check-builds.ts';
import { checkDataDir } from './check-data-dir.ts';
import { checkInstallation, checkNode } from './check-installation.ts';
import { checkPorts } from './check-ports.ts';
import { checkNeeds } from './check-needs.ts';
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
  /** Mends what can be mended; without it nothing is changed. */
  mend?: Mend;
}

/** @returns what came of it, and whether everything that was found stranded is mended */
export type Mend = (client: Client, stranded: readonly BuildState[]) => Promise<{ finding: Finding; mended: boolean }>;

/** Looks at everything a job needs, from the ground up. Changes nothing but what `mend` does. */
export async function* examine({ env, address, stack, mend }: Examination): AsyncGenerator<Finding, void, void> {
  yield checkNode(process.versions.node);
  yield* await checkInstallation(projectRoot());
  const configuration = await checkConfiguration(env);
  yield* configuration.findings;
  const { loaded } = configuration;
  if (!loaded) {
    yield finding('Everything else', 'skip', 'looked at when the configuration is valid');
    return;
  }
  const { config } = loaded;
  yield* await checkDataDir(stack?.data_dir ?? config.dataDir);
  yield* await checkPorts(config, stack);
  if (config.temporalAddress === undefined) yield await checkBinary(config, env);
  const temporal = openTemporal(config, stack);
  if (temporal === undefined) {
    yield finding('Temporal', 'warn', 'not running', 'Start everything: npm start, or switchyard up');
  } else {
    try {
      yield* lookAtTemporal(temporal, configuration, stack?.data_dir ?? config.dataDir, mend);
    } finally {
      await temporal.close();
    }
  }
  if (!address) return;
  const api = await checkApi(address.url, stack !== undefined || address.because.endsWith('says so'));
  yield api;
  if (api.level === 'ok') yield* await checkServices(address.url);
}

async function* lookAtTemporal(
  { client, connection, presence, address }: OpenTemporal,
  { base, setUp }: Configuration,
  dataDir: string,
  mend: Mend | undefined,
): AsyncGenerator<Finding, void, void> {
  const reached = await checkTemporal(connection, address, client.options.namespace);
  yield* reached;
  if (!base || !setUp || reached[0]?.level !== 'ok') return;
  yield* await checkQueues(client, base.catalog, presence, setUp);
  yield* await checkNeeds(client, presence);
  const builds = await checkBuilds(client, presence);
  yield* builds.findings;
  const fixed = mend && (await mend(client, builds.stranded));
  if (!fixed?.mended) yield* builds.stranded.map(strandedFinding);
  if (fixed) yield fixed.finding;
  yield* await checkReplayed(client, dataDir);
}

interface Configuration {
  findings: Finding[];
  loaded?: LoadedSite;
  base?: Awaited<ReturnType<typeof loadProcess>>;
  setUp?: SetUp;
}

async function checkConfiguration(env: NodeJS.ProcessEnv): Promise<Configuration> {
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
