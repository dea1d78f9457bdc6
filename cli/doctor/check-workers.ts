import type { CatalogRoute } from '../../platform/catalog/catalog.ts';
import { ConfigError } from '../../platform/config/config-error.ts';
import { strayEnvFiles } from '../../platform/config/env-files.ts';
import { meant } from '../../platform/config/nearest.ts';
import {
  findMissingEnv,
  findUnserved,
  type MissingVariable,
  missingProblems,
} from '../../workers/pool/required-env.ts';
import type { ProcessBase } from '../../workers/process/load-process.ts';
import { planMachine } from '../../workers/process/plan-machine.ts';
import { finding, type Finding } from './finding.ts';

/** What this machine is set up to run, as far as its configuration tells. */
export interface SetUp {
  /** Variables that are not set here. */
  missing: readonly MissingVariable[];
  /** Capabilities of the workers in WORKERS; undefined without WORKERS: all. */
  chosen: ReadonlySet<string> | undefined;
}

/** `.env` files, CONNECTORS and WORKERS of this machine. Names variables, never their values. */
export async function checkWorkers(base: ProcessBase): Promise<{ findings: Finding[]; setUp: SetUp }> {
  const { config, catalog, discovered, env, envFiles } = base;
  const sources = { discovered, env, folder: envFiles.folder };
  const all = [...catalog.services.values()].flatMap((service) => service.routes);
  const { missing } = await findUnserved(all, sources);
  const findings = [...checkEnvFiles(base), ...checkConnectors(base)];
  if (config.workers.length === 0) return { findings, setUp: { missing, chosen: undefined } };
  try {
    const { workers } = await planMachine(base, config.workers);
    const routes = workers.flatMap(({ queues }) => queues.map(({ route }) => route));
    const lacking = await findMissingEnv(routes, sources);
    const list = workers.map(({ name, queues }) => `${name} (${poolsOf(queues.map(({ route }) => route))})`);
    findings.push(
      finding('WORKERS', 'ok', list.join(', ')),
      ...missingProblems(lacking.missing, envFiles.folder).map(({ name, problem, hint }) =>
        finding('WORKERS', 'fail', `${name} ${problem}`, hint),
      ),
    );
    return { findings, setUp: { missing, chosen: new Set(routes.map(({ capability }) => capability)) } };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { name, problem, hint } of error.problems)
      findings.push(finding('WORKERS', 'fail', `${name}: ${problem}`, hint));
    return { findings, setUp: { missing, chosen: undefined } };
  }
}

function poolsOf(routes: readonly CatalogRoute[]): string {
  return [...new Set(routes.map(({ pool }) => pool))].join(', ');
}

function checkEnvFiles({ discovered, envFiles }: ProcessBase): Finding[] {
  const { folder, read, origins } = envFiles;
  const findings: Finding[] = [];
  if (read.length > 0) {
    const names = [...origins.keys()].join(', ') || 'nothing that is not set in the environment already';
    findings.push(finding('.env files', 'ok', `${read.join(', ')} in ${folder}: ${names}`));
  }
  for (const name of strayEnvFiles(folder, discovered.families)) {
    const guess = name.replace(/^\.env\./, '').replace(/\.local$/, '');
    findings.push(
      finding(
        '.env files',
        'warn',
        `${name} belongs to no connector family: nobody reads it`,
        meant(guess, discovered.families),
      ),
    );
  }
  return findings;
}

function checkConnectors({ config, catalog }: ProcessBase): Finding[] {
  if (config.connectors.length === 0) return [];
  const off = [...catalog.off.keys()].join(', ') || 'nothing';
  return [finding('CONNECTORS', 'ok', `${config.connectors.join(', ')}; off here: ${off}`)];
}
