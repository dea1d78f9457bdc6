import { dirname, resolve } from 'node:path';
import type { ConfigProblem } from '../../../platform/config/config-error.ts';
import { confinePath } from '../../../platform/machine/confined-path.ts';
import { checkEnvironment } from '../../../platform/machine/service-environment.ts';
import type { InstallStep, ServiceDefinition } from './definition.schema.ts';
import type { InstallPlan, ServicePaths } from './service-plan.ts';
import { fillWords, UnknownWordError } from './words.ts';

/** Where the folders of a service are. */
export interface ServiceFolders {
  dir: string;
  /** Below which everything must be that is named. */
  roots: string[];
}

/**
 * The folder of a service, confined.
 * @returns undefined after noting the problem
 */
export function foldersOf(
  id: string,
  { dir }: ServiceDefinition,
  { servicesDir, roots }: ServicePaths,
  at: string,
  problems: ConfigProblem[],
): ServiceFolders | undefined {
  const allowed = [servicesDir, ...roots];
  const confined = confinePath(dir ?? id, servicesDir, allowed);
  if (confined !== undefined) return { dir: confined, roots: allowed };
  problems.push(outside(`${at}.installer_config.dir`, allowed));
  return undefined;
}

export function outside(name: string, roots: readonly string[]): ConfigProblem {
  return {
    name,
    problem: 'leads outside of the allowed folders',
    hint: `allowed are ${roots.join(', ')}; SWITCHYARD_SERVICE_ROOTS names more`,
  };
}

/** What has to be done before the service can run; undefined when that is nothing, or when something is wrong. */
export function planInstall(
  id: string,
  definition: ServiceDefinition,
  paths: ServicePaths,
  at: string,
  problems: ConfigProblem[],
): InstallPlan | undefined {
  const { install = [], install_command: command } = definition;
  if (install.length === 0 && command === undefined) return undefined;
  const folders = foldersOf(id, definition, paths, at, problems);
  if (!folders) return undefined;
  const { env, pass_env: passEnv } = definition;
  const steps: InstallStep[] = [
    ...install,
    ...(command === undefined
      ? []
      : [{ name: 'install_command', run: typeof command === 'string' ? command.trim().split(/\s+/) : command }]),
  ];
  const where = `${at}.installer_config`;
  const filled = steps.flatMap((step, index) => {
    const place = step.name === 'install_command' ? `${where}.install_command` : `${where}.install.${index}`;
    try {
      const done = fillStep(step, folders.dir);
      checkStep(done, folders, place, problems);
      return [done];
    } catch (error) {
      if (!(error instanceof UnknownWordError)) throw error;
      problems.push({ name: place, problem: error.message });
      return [];
    }
  });
  return {
    service: id,
    dir: folders.dir,
    steps: filled,
    roots: folders.roots,
    env: onlyPlain(env),
    passEnv,
    timeoutMs: definition.install_timeout * 1_000,
  };
}

/** Variables of the service whose value does not depend on an instance. */
function onlyPlain(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => !/\{[a-z]/.test(value)));
}

function fillStep(step: InstallStep, dir: string): InstallStep {
  const fill = (text: string) => fillWords(text, { dir });
  if ('run' in step) return { ...step, run: step.run.map(fill) };
  return step;
}

function checkStep(step: InstallStep, { dir, roots }: ServiceFolders, at: string, problems: ConfigProblem[]): void {
  const confined = (path: string, key: string) => {
    if (confinePath(path, dir, roots) === undefined) problems.push(outside(`${at}.${key}`, roots));
  };
  if ('run' in step) {
    confined(step.cwd ?? dir, 'cwd');
    // The program itself may be a link out: that is how Python environments are made.
    if (step.run[0]?.includes('/')) confined(dirname(resolve(dir, step.cwd ?? '', step.run[0])), 'run.0');
    problems.push(...checkEnvironment({ env: step.env ?? {}, passEnv: [] }, at, false));
  } else if ('git' in step) {
    confined(step.git.into ?? dir, 'git.into');
    if (!/^(https|ssh|file):\/\//.test(step.git.url))
      problems.push({
        name: `${at}.git.url`,
        problem: 'is no https, ssh or file address',
        hint: 'other ways of git are not used: some of them run programs',
      });
    if (!/^[A-Za-z0-9][\w./-]*$/.test(step.git.commit))
      problems.push({ name: `${at}.git.commit`, problem: 'is no commit and no tag', hint: 'name one' });
  } else {
    confined(step.venv.into ?? 'venv', 'venv.into');
    for (const [index, file] of (step.venv.requirements ?? []).entries()) confined(file, `venv.requirements.${index}`);
    for (const [index, name] of (step.venv.packages ?? []).entries())
      if (name.startsWith('-'))
        problems.push({
          name: `${at}.venv.packages.${index}`,
          problem: `"${name}" is an option, no package`,
          hint: 'put options into pip_args',
        });
  }
}
