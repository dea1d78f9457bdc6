import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cannotWrite, prepareDataDir } from '../../platform/config/data-dir.ts';
import type { LoadedSite } from '../../platform/config/load-site.ts';
import { tryLock } from '../../platform/processes/file-lock.ts';
import { ownIdentity } from '../../platform/processes/process-identity.ts';
import { type Progress, streamProgress } from '../../platform/processes/progress.ts';
import { announceReady, describeStack } from './announce.ts';
import { choosePort } from './choose-port.ts';
import { type Crew, createCrew, type Member } from './crew.ts';
import { findStack, type StackState } from './find-stack.ts';
import { removeFile, writeJsonFile } from '../../platform/processes/json-file.ts';
import type { ReadyFacts } from '../../platform/processes/keep-running.ts';
import { recordProcesses, stopLeftOvers } from '../../platform/processes/left-overs.ts';
import { launchNode } from '../../platform/processes/node-process.ts';
import { openRotatingLog, type RotatingLog } from '../../platform/processes/rotating-log.ts';
import { childEnvironment, configuredPools } from './stack-config.ts';
import { logFile, type StackPaths, stackPaths } from './stack-paths.ts';
import { StackError } from './stack-error.ts';
import { type StackWorker, stackWorkers } from './stack-workers.ts';
import { listenForStop, type StopRequest } from './stop-request.ts';
import { bringUpTemporal, type StackTemporal } from './temporal-for-stack.ts';

export interface RunStackOptions {
  env: NodeJS.ProcessEnv;
  /** Gets the addresses and what happens. Default: standard output. */
  progress?: Progress;
  /** Folder of the built processes. Default: `workers/` beside this module's own `cli/`. */
  workersDir?: string;
  /** When the command was given, for the time it says it took; milliseconds since 1970. */
  startedAt?: number;
}

/** Time for Temporal to close its database. */
const TEMPORAL_GRACE_MS = 10_000;
/** On top of the grace that workers give to their jobs. */
const LEAVE_MS = 5_000;
const SCALER = 'scaler';

/**
 * Runs Temporal, the API with the orchestrator, and one worker process per pool (with WORKERS one per instance), until it
 * is asked to stop.
 * @returns the exit code: 0 after an ordered stop, or when a stack already runs on this data directory
 * @throws ConfigError, StackError, NoTemporalBinaryError, NamespaceSetupError with messages fit to print
 */
export async function runStack(loaded: LoadedSite, options: RunStackOptions): Promise<number> {
  try {
    return await runUntilStopped(loaded, options);
  } catch (error) {
    throw withoutRoom(error, loaded.config.dataDir);
  }
}

async function runUntilStopped(loaded: LoadedSite, options: RunStackOptions): Promise<number> {
  const { config } = loaded;
  const progress = options.progress ?? streamProgress(process.stdout);
  const paths = stackPaths(config.dataDir);
  prepareDataDir(config.dataDir);
  const workers = await stackWorkers(loaded, options.env, (line) => progress.note(line));
  const lock = tryLock(paths.lock);
  if ('pid' in lock) return alreadyRunning(config.dataDir, lock.pid, progress);
  const stop = listenForStop(options.env['npm_lifecycle_event'] !== undefined);
  const stack = createStack(loaded, options, paths, progress);
  const emergency = () => stack.crew.killNow();
  process.on('exit', emergency);
  try {
    const left = await stopLeftOvers(paths.processes);
    if (left.length > 0) progress.note(`Stopped what an earlier stack had left behind: ${left.join(', ')}`);
    const up = stack.bringUp(workers);
    const outcome = await Promise.race([up.then(() => 'up' as const), stop.first]);
    if (outcome === 'up') await stop.first;
    return await takeDown(stack, stop, config.shutdownGrace, progress, up);
  } catch (error) {
    await stopInOrder(stack.crew, config.shutdownGrace);
    stack.forget();
    throw error;
  } finally {
    process.off('exit', emergency);
    stop.dispose();
    lock.release();
  }
}

/** A disk that fills up while the stack starts is told as what it is. */
function withoutRoom(error: unknown, dataDir: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EROFS') return error;
  const { problem, hint } = cannotWrite(dataDir, dataDir, code);
  return new StackError(`${problem}.\n${hint}`);
}

function alreadyRunning(dataDir: string, pid: number, progress: Progress): number {
  const running = findStack(dataDir);
  if (!running) {
    progress.note(
      `A stack is being started or stopped on ${dataDir} by process ${pid}. Try again in a moment, or set SWITCHYARD_DATA_DIR to run another.`,
    );
    return 1;
  }
  progress.note(
    `Switchyard already runs on this data directory (process ${running.pid}):\n\n${describeStack(running)}\n\nTo run a second one beside it, set SWITCHYARD_DATA_DIR to another folder.`,
  );
  return 0;
}

interface Stack {
  crew: Crew;
  bringUp(workers: readonly StackWorker[]): Promise<void>;
  /** Removes what says that there is a stack. */
  forget(): void;
}

function createStack(loaded: LoadedSite, options: RunStackOptions, paths: StackPaths, progress: Progress): Stack {
  const { config } = loaded;
  const startedAt = options.startedAt ?? Date.now();
  const record = recordProcesses(paths.processes);
  const logs: RotatingLog[] = [];
  let state: StackState | undefined;
  const saveState = () => {
    if (!state) return;
    state = { ...state, processes: crew.processes() };
    writeJsonFile(paths.state, state);
  };
  const crew = createCrew(record, saveState, (line) => progress.note(`${clock()} ${line}`));
  const workersDir = options.workersDir ?? join(dirname(fileURLToPath(import.meta.url)), '../../workers');

  function nodeMember(name: string, title: string, module: string, args: string[], env: NodeJS.ProcessEnv): Member {
    const log = openRotatingLog(logFile(paths, name));
    logs.push(log);
    const show = (line: string) => progress.note(`${clock()} ${title}: ${line}`);
    const file = join(workersDir, module);
    const launch = () => launchNode({ name, module: file, args, env, cwd: process.cwd(), log, show });
    return { name, title, logFile: logFile(paths, name), launch };
  }

  return {
    crew,
    async bringUp(planned) {
      mkdirSync(paths.logs, { recursive: true });
      removeFile(paths.state);
      const onSpawn = (pid: number) => record.add('temporal', pid);
      const temporal = await bringUpTemporal({ loaded, env: options.env, paths, crew, progress, onSpawn });
      const api = await choosePort({
        what: 'the API',
        variable: 'SWITCHYARD_PORT',
        host: config.host,
        port: config.port,
        origin: loaded.origins.port,
      });
      if (api.note) progress.note(api.note);
      const env = childEnvironment({ config, env: options.env, apiPort: api.port, temporal });
      const server = crew.start(nodeMember('server', 'API', 'server-main.js', [], env));
      const workers = planned.map(({ name, args, env: own }) =>
        crew.start(nodeMember(`pool-${name}`, `worker ${name}`, 'pool-main.js', args, { ...env, ...own })),
      );
      const { scaled } = configuredPools(config.configDir, loaded.envFiles.env);
      if (scaled.length > 0) workers.push(crew.start(nodeMember(SCALER, 'scaler', 'scaler-main.js', [], env)));
      const [facts] = await Promise.all([server, ...workers]);
      state = describe(loaded, temporal, facts ?? {}, [
        ...planned.map(({ name }) => name),
        ...(scaled.length > 0 ? [`scaler (${scaled.join(', ')})`] : []),
      ]);
      saveState();
      const chosen = config.workers.length + config.connectors.length > 0;
      progress.note(announceReady(state, (Date.now() - startedAt) / 1_000, chosen));
    },
    forget() {
      state = undefined;
      removeFile(paths.state);
      record.clear();
      for (const log of logs) log.close();
    },
  };
}

function describe({ config }: LoadedSite, temporal: StackTemporal, server: ReadyFacts, workers: string[]): StackState {
  const own = ownIdentity();
  return {
    pid: own.pid,
    process_started: own.started,
    started_at: new Date().toISOString(),
    api_url: String(server['url']),
    temporal_address: temporal.address,
    ...(temporal.uiUrl ? { temporal_ui_url: temporal.uiUrl } : {}),
    temporal_embedded: temporal.embedded,
    namespace: config.temporalNamespace,
    data_dir: config.dataDir,
    workers,
    processes: [],
  };
}

async function takeDown(
  stack: Stack,
  stop: StopRequest,
  graceMs: number,
  progress: Progress,
  up: Promise<void>,
): Promise<number> {
  const why = await stop.first;
  // Bringing it up may still be going on; stopping it makes that fail, which nobody needs to hear of.
  up.catch(() => {});
  progress.note(
    `\n${clock()} Stopping (${why}): workers get ${graceMs / 1_000} s to bring their jobs to a good place; Ctrl-C again ends everything at once`,
  );
  const outcome = await Promise.race([stopInOrder(stack.crew, graceMs).then(() => 'stopped' as const), stop.second]);
  if (outcome !== 'stopped') {
    stack.crew.killNow();
    await stopInOrder(stack.crew, 0);
  }
  stack.forget();
  progress.note(`${clock()} Stopped. The data are kept; npm start goes on with them.`);
  return outcome === 'stopped' ? 0 : 130;
}

/** Workers first, so that their jobs can still report; then the API and the orchestrator; Temporal last. */
async function stopInOrder(crew: Crew, graceMs: number): Promise<void> {
  await Promise.all([
    crew.stop(
      crew.names().filter((name) => name.startsWith('pool-')),
      graceMs + LEAVE_MS,
    ),
    // Its workers get the same time, and it waits for them.
    crew.stop([SCALER], graceMs + 2 * LEAVE_MS),
  ]);
  await crew.stop(['server'], graceMs + LEAVE_MS);
  await crew.stop(['temporal'], TEMPORAL_GRACE_MS);
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}
