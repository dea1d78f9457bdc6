import { existsSync, mkdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { RotatingLog } from '../../../platform/processes/rotating-log.ts';
import type { InstallStep } from './definition.schema.ts';
import { type CommandOptions, runCommand } from './run-command.ts';
import type { InstallPlan } from './service-plan.ts';

export interface StepContext {
  plan: InstallPlan;
  env: NodeJS.ProcessEnv;
  log: RotatingLog;
  signal: AbortSignal;
}

type StepOf<K extends string> = Extract<InstallStep, Record<K, unknown>>;

/** How a step is called in logs and messages. */
export function stepName(step: InstallStep, index: number): string {
  if (step.name !== undefined) return step.name;
  if ('git' in step) return `git ${basename(step.git.url, '.git')}`;
  return 'venv' in step ? 'python environment' : `${index + 1}: ${basename(step.run[0] ?? '')}`;
}

/** Does one step; doing it again on a half-done state comes to the same. @throws Error fit to be shown */
export async function runInstallStep(step: InstallStep, context: StepContext): Promise<void> {
  const { plan, env, log, signal } = context;
  const options = (cwd: string, more: Record<string, string> = {}): CommandOptions => ({
    cwd,
    wish: { env: { ...plan.env, ...more }, passEnv: plan.passEnv },
    env,
    log,
    signal,
  });
  if ('run' in step)
    await runCommand(programIn(step.run, plan.dir), options(resolve(plan.dir, step.cwd ?? '.'), step.env));
  else if ('git' in step) await checkOut(step.git, plan.dir, options);
  else await makeEnvironment(step.venv, plan.dir, options);
}

/** `./install.sh` is looked for in the service's folder, whatever the step's working folder is. */
function programIn([program = '', ...args]: string[], dir: string): string[] {
  return [program.includes('/') ? resolve(dir, program) : program, ...args];
}

type OptionsFor = (cwd: string, more?: Record<string, string>) => CommandOptions;

/**
 * One commit, without the history. A server that gives out no single commits is asked for everything. What was changed
 * in the folder is undone, what lies there besides (models, custom nodes) stays.
 */
async function checkOut({ url, commit, into }: StepOf<'git'>['git'], dir: string, options: OptionsFor): Promise<void> {
  const folder = resolve(dir, into ?? '.');
  mkdirSync(folder, { recursive: true });
  // Transports that run programs of the address' choosing stay shut, for submodules too.
  const run = (...args: string[]) =>
    runCommand(
      ['git', '-c', 'advice.detachedHead=false', ...args],
      options(folder, { GIT_ALLOW_PROTOCOL: 'https:ssh:file' }),
    );
  if (!existsSync(join(folder, '.git'))) await run('init', '--quiet');
  try {
    await run('fetch', '--quiet', '--depth', '1', '--', url, commit);
    await run('checkout', '--quiet', '--force', '--detach', 'FETCH_HEAD');
  } catch (error) {
    options(folder).signal.throwIfAborted();
    if (!/not our ref|unadvertised|couldn't find remote ref|no such remote ref/i.test((error as Error).message))
      throw error;
    await run('fetch', '--quiet', '--tags', '--', url, '+refs/heads/*:refs/remotes/origin/*');
    await run('checkout', '--quiet', '--force', '--detach', commit);
  }
}

async function makeEnvironment(
  {
    python = 'python3',
    into = 'venv',
    requirements = [],
    packages = [],
    pip_args: pipArgs = [],
  }: StepOf<'venv'>['venv'],
  dir: string,
  options: OptionsFor,
): Promise<void> {
  const folder = resolve(dir, into);
  await runCommand([python, '-m', 'venv', folder], options(dir));
  if (requirements.length === 0 && packages.length === 0) return;
  const own = process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
  const files = requirements.flatMap((file) => ['-r', resolve(dir, file)]);
  await runCommand(
    [own, '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', ...pipArgs, ...files, ...packages],
    options(dir),
  );
}
