import type { Connection } from '@temporalio/client';
import type { LoadedConfig } from '../../platform/config/load-config.ts';
import type { Progress } from '../../platform/processes/progress.ts';
import { findTemporalBinary } from '../../platform/temporal/binary/find-binary.ts';
import { lazyConnection } from '../../platform/temporal/connection.ts';
import { prepareNamespace } from '../../platform/temporal/namespace-setup.ts';
import { whyNoAnswer } from '../../platform/temporal/why-unreachable.ts';
import { choosePort } from './choose-port.ts';
import type { Crew } from './crew.ts';
import { launchTemporal } from './embedded-temporal.ts';
import { logFile, type StackPaths } from './stack-paths.ts';
import { StackError } from './stack-error.ts';

export interface StackTemporal {
  address: string;
  uiUrl: string | undefined;
  embedded: boolean;
}

export interface TemporalContext {
  loaded: LoadedConfig;
  env: NodeJS.ProcessEnv;
  paths: StackPaths;
  crew: Crew;
  progress: Progress;
  /** Told the process id of the embedded server as soon as there is one. */
  onSpawn: (pid: number) => void;
}

/** How long a cluster may take to answer the first call. */
const ANSWER_MS = 15_000;
/** After this long it is said what is waited for. */
const SLOW_MS = 2_000;

/**
 * A Temporal that is fit for jobs: the one that TEMPORAL_ADDRESS names, or an embedded one.
 * @throws StackError, NamespaceSetupError or NoTemporalBinaryError, each with the way out
 */
export async function bringUpTemporal(context: TemporalContext): Promise<StackTemporal> {
  const { config } = context.loaded;
  const temporal: StackTemporal = config.temporalAddress
    ? { address: config.temporalAddress, uiUrl: config.temporalUiUrl, embedded: false }
    : await startEmbedded(context);
  const connection = lazyConnection({
    temporalAddress: temporal.address,
    temporalApiKey: temporal.embedded ? undefined : config.temporalApiKey,
    temporalTls: temporal.embedded ? false : config.temporalTls,
  });
  try {
    await untilItAnswers(connection, temporal, context.progress);
    const report = await prepareNamespace(connection, { namespace: config.temporalNamespace });
    for (const warning of report.warnings) context.progress.note(`Warning: ${warning}`);
    if (!temporal.embedded) for (const change of report.changes) context.progress.note(`Temporal: ${change}`);
  } finally {
    await connection.close();
  }
  return temporal;
}

async function untilItAnswers(connection: Connection, temporal: StackTemporal, progress: Progress): Promise<void> {
  const slow = setTimeout(
    () => progress.note(`Waiting for Temporal at ${temporal.address}, up to ${ANSWER_MS / 1_000} s`),
    SLOW_MS,
  );
  try {
    await connection.withDeadline(Date.now() + ANSWER_MS, () => connection.workflowService.getSystemInfo({}));
  } catch (error) {
    throw new StackError(
      `Temporal at ${temporal.address} does not answer (${await whyNoAnswer(error, temporal.address)}).\n` +
        'Check TEMPORAL_ADDRESS (host:port of the gRPC front-end), TEMPORAL_TLS and TEMPORAL_API_KEY; or unset TEMPORAL_ADDRESS to run the embedded one.',
    );
  } finally {
    clearTimeout(slow);
  }
}

async function startEmbedded(context: TemporalContext): Promise<StackTemporal> {
  const { loaded, env, paths, crew, progress, onSpawn } = context;
  const { config, origins } = loaded;
  const binary = await findTemporalBinary({ env, configured: config.temporalBinary, progress });
  const host = '127.0.0.1';
  const rpc = await choosePort({
    what: 'Temporal',
    variable: 'SWITCHYARD_TEMPORAL_PORT',
    host,
    port: config.temporalPort,
    origin: origins.temporalPort,
  });
  const ui = await choosePort({
    what: 'the Temporal Web UI',
    variable: 'SWITCHYARD_TEMPORAL_UI_PORT',
    host,
    port: config.temporalUiPort,
    origin: origins.temporalUiPort,
  });
  for (const { note } of [rpc, ui]) if (note) progress.note(note);
  const log = logFile(paths, 'temporal');
  const options = {
    binary: binary.path,
    port: rpc.port,
    uiPort: ui.port,
    namespace: config.temporalNamespace,
    dbFile: paths.database,
    logFile: log,
    onSpawn,
  };
  await crew.start({
    name: 'temporal',
    title: 'Temporal',
    logFile: log,
    launch: (signal) => launchTemporal(options, signal),
  });
  return { address: `${host}:${rpc.port}`, uiUrl: `http://${host}:${ui.port}`, embedded: true };
}
