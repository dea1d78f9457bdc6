import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { buildEnvironment } from '../../../platform/machine/service-environment.ts';
import { isPortFree } from '../../../platform/processes/free-port.ts';
import { portOwner } from '../../../platform/processes/port-owner.ts';
import { ServiceError } from './service-error.ts';
import type { InstancePlan } from './service-plan.ts';

/**
 * Whether an instance could be started now; starts nothing.
 * @throws ServiceError `conflict` for a port that is taken, `service_unavailable` for a program or folder that is not there
 */
export async function examineInstance(plan: InstancePlan, env: NodeJS.ProcessEnv): Promise<void> {
  await checkPortsFree(plan);
  const [program] = plan.command;
  const path = buildEnvironment(plan, plan.pathPrepend, env)['PATH'];
  if (!isFolder(plan.cwd))
    throw new ServiceError(
      'service_unavailable',
      `${plan.name} cannot be started: there is no folder ${plan.cwd}: is it installed?`,
    );
  // Windows adds endings and looks in places of its own: there the start itself tells.
  if (process.platform === 'win32' || isExecutable(program, path)) return;
  throw cannotStart(plan, Object.assign(new Error(`no ${program}`), { code: 'ENOENT' }), path);
}

export async function checkPortsFree({ name, host, ports }: InstancePlan): Promise<void> {
  for (const port of ports) {
    if (await isPortFree(host, port)) continue;
    const owner = await portOwner(port);
    throw new ServiceError(
      'conflict',
      `port ${port} of ${name} is taken${owner ? ` by ${owner}` : ''}: stop that, or change ports in the mapping`,
    );
  }
}

/** What the system said when a program could not be run, in words. */
export function cannotStart(plan: InstancePlan, error: NodeJS.ErrnoException, path: string | undefined): ServiceError {
  const [program] = plan.command;
  const where = program.includes('/') ? '' : ` in ${(path ?? '').split(delimiter).join(', ') || 'an empty PATH'}`;
  const reason =
    error.code === 'ENOENT'
      ? `there is no program ${program}${where}: is it installed?`
      : error.code === 'EACCES'
        ? `${program} may not be run: is it a program, and executable?`
        : `${program} cannot be run: ${error.message}`;
  return new ServiceError('service_unavailable', `${plan.name} cannot be started: ${reason}`, { cause: error });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isExecutable(program: string, path: string | undefined): boolean {
  const places = program.includes('/')
    ? [program]
    : (path ?? '').split(delimiter).map((folder) => join(folder, program));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return statSync(place).isFile();
    } catch {
      return false;
    }
  });
}
