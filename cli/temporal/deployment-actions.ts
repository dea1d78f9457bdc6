import { NoSuchBuildError, setCurrentBuild } from '../../platform/temporal/deployments/change-deployments.ts';
import {
  type BuildState,
  currentOrchestrator,
  type DeploymentState,
  readDeployments,
} from '../../platform/temporal/deployments/read-deployments.ts';
import { deploymentVersion, ORCHESTRATOR_DEPLOYMENT } from '../../platform/temporal/deployments/version.ts';
import { candidateDataDirs, runningStack, stackConfig } from '../api-client/data-dir.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { CommandContext, GlobalOptions } from '../commands/context.ts';
import { confirm } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';
import { count } from '../output/format.ts';
import { formatTable, type Column } from '../output/table.ts';
import { note, say, sayJson, type Terminal } from '../terminal.ts';
import { ANSWER_MS, openTemporal, type OpenTemporal } from './open-temporal.ts';
import { moveStranded, strandedBuilds } from './stranded-jobs.ts';

interface Site extends OpenTemporal {
  terminal: Terminal;
  json: boolean;
}

export interface CurrentOptions {
  set?: string;
  unset?: boolean;
  deployment?: string;
}

export interface MoveOptions {
  build?: string;
  deployment?: string;
  yes?: boolean;
}

/** `switchyard deployment list` */
export function list(context: CommandContext, options: GlobalOptions): Promise<void> {
  return withTemporal(context, options, listBuilds);
}

/** `switchyard deployment current` */
export function current(context: CommandContext, options: GlobalOptions, wanted: CurrentOptions): Promise<void> {
  return withTemporal(context, options, (site) => showOrSet(site, wanted));
}

/** `switchyard deployment move` */
export function move(context: CommandContext, options: GlobalOptions, wanted: MoveOptions): Promise<void> {
  return withTemporal(context, options, (site) => moveFrom(site, wanted));
}

async function withTemporal(
  { terminal }: CommandContext,
  { dataDir, json = false }: GlobalOptions,
  run: (site: Site) => Promise<void>,
): Promise<void> {
  const { env, cwd } = terminal;
  const temporal = openTemporal(stackConfig(env, dataDir), runningStack(candidateDataDirs(dataDir, env, cwd)));
  if (!temporal) {
    throw new CliError(EXIT.unreachable, 'no Temporal is known: no stack runs here and TEMPORAL_ADDRESS is not set', {
      hint: 'Start one with npm start, or set TEMPORAL_ADDRESS.',
    });
  }
  try {
    await run({ ...temporal, terminal, json });
  } catch (error) {
    if ((error as Error).name !== 'TemporalUnavailableError') throw error;
    throw new CliError(
      EXIT.unreachable,
      `Temporal at ${temporal.address} does not answer: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  } finally {
    await temporal.close();
  }
}

async function read({ client, presence }: Site): Promise<DeploymentState[]> {
  await presence.refresh();
  return readDeployments({ client, workers: presence.workers(), timeoutMs: ANSWER_MS });
}

async function listBuilds(site: Site): Promise<void> {
  const { terminal, json } = site;
  const deployments = await read(site);
  if (json) return sayJson(terminal, { deployments });
  if (deployments.length === 0) {
    note(terminal, 'No orchestrator with a build id has ever come: all run as under npm start.');
    return;
  }
  const columns: Column<BuildState>[] = [
    { title: 'BUILD', value: ({ build }) => build, paint: terminal.style.bold },
    { title: 'DEPLOYMENT', value: ({ deployment }) => deployment, droppable: 1 },
    { title: 'STATE', value: ({ state }) => state },
    { title: 'UNFINISHED', value: ({ pinned_jobs: jobs }) => String(jobs), align: 'right' },
    { title: 'WORKERS', value: ({ workers }) => String(workers), align: 'right' },
  ];
  const builds = deployments.flatMap((deployment) => deployment.builds);
  for (const line of formatTable(builds, columns, terminal.style, terminal.stdout.columns)) say(terminal, line);
  for (const { build, pinned_jobs: jobs } of strandedBuilds(deployments)) {
    note(
      terminal,
      `${count(jobs, 'job')} of build ${build} cannot go on: nobody runs it. See: switchyard deployment move`,
    );
  }
}

async function showOrSet(site: Site, { set, unset, deployment }: CurrentOptions): Promise<void> {
  const { terminal, json, client } = site;
  if (set !== undefined && unset) throw usageError('--set and --unset contradict each other');
  const now = await currentOrchestrator(client, ANSWER_MS);
  if (set === undefined && !unset) {
    if (json) return sayJson(terminal, { current: now ?? null });
    if (now) say(terminal, now.build);
    else note(terminal, 'New jobs go to orchestrators without a build id.');
    return;
  }
  const name = deployment ?? now?.deployment ?? ORCHESTRATOR_DEPLOYMENT;
  if (set !== undefined) deploymentVersion(set, name);
  else if (!now) {
    if (json) return sayJson(terminal, { current: null, previous: null });
    note(terminal, 'It is so already: new jobs go to orchestrators without a build id.');
    return;
  }
  let previous: string | undefined;
  try {
    previous = await setCurrentBuild(client, name, set, ANSWER_MS);
  } catch (error) {
    if (!(error instanceof NoSuchBuildError)) throw error;
    throw await noSuchBuild(site, name, set, error);
  }
  if (json)
    return sayJson(terminal, {
      current: set === undefined ? null : { deployment: name, build: set },
      previous: previous ?? null,
    });
  const before =
    previous === undefined || previous === set
      ? ''
      : `; jobs under way end on build ${previous}: keep it running until "switchyard deployment list" shows none`;
  note(terminal, `New jobs go to ${set === undefined ? 'orchestrators without a build id' : `build ${set}`}${before}.`);
}

async function noSuchBuild(site: Site, deployment: string, build: string | undefined, cause: Error): Promise<CliError> {
  const known = (await read(site)).flatMap(({ builds }) => builds.map((each) => `${each.build} (${each.deployment})`));
  return new CliError(
    EXIT.notFound,
    `no orchestrator of build ${build} of ${deployment} has come yet: ${cause.message}`,
    {
      hint: `Start one: switchyard orchestrator --build-id ${build}. Known builds: ${known.join(', ') || 'none'}`,
      cause,
    },
  );
}

async function moveFrom(site: Site, { build, deployment, yes }: MoveOptions): Promise<void> {
  const { terminal, json, client } = site;
  const deployments = await read(site);
  const version = build === undefined ? undefined : deploymentVersion(build, deployment);
  const known = deployments.flatMap(({ builds }) => builds);
  const wanted = version
    ? known.filter((each) => each.build === version.build && each.deployment === version.deployment)
    : strandedBuilds(deployments);
  if (version && wanted.length === 0) {
    throw new CliError(EXIT.notFound, `there is no build ${version.build} of ${version.deployment}`, {
      hint: `Known: ${known.map((each) => each.build).join(', ') || 'none'}`,
    });
  }
  const jobs = wanted.reduce((sum, each) => sum + each.pinned_jobs, 0);
  if (jobs === 0) {
    if (json) return sayJson(terminal, { builds: [] });
    note(
      terminal,
      version ? `Build ${version.build} has no unfinished jobs.` : 'No job hangs on a build that nobody runs.',
    );
    return;
  }
  const now = await currentOrchestrator(client, ANSWER_MS);
  const target = now ? `build ${now.build}` : 'orchestrators without a build id';
  const from = wanted.map((each) => each.build).join(', ');
  if (!(await confirm(terminal, `Let ${count(jobs, 'job')} of build ${from} go on with ${target}?`, yes))) return;
  const outcomes = await moveStranded(terminal, client, wanted);
  if (json) sayJson(terminal, { builds: outcomes });
}
