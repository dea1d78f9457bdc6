import type { GpuFacts } from '../../../contract/machine-facts.ts';
import type { WorkerEntry } from '../../../platform/catalog/service-mapping.schema.ts';
import { ConfigError, type ConfigProblem } from '../../../platform/config/config-error.ts';
import { explainIssues } from '../../../platform/config/explain-issues.ts';
import type { PlannedWorker } from '../../../platform/machine/plan-workers.ts';
import { definitionSchema, type ServiceDefinition } from './definition.schema.ts';
import { planInstall } from './plan-install.ts';
import { planInstance, type ServicePlace } from './plan-instance.ts';
import { readyMade, type ReadyMade } from './ready-made.ts';
import type { InstancePlan, ServicePaths, ServicePlan } from './service-plan.ts';

export interface PlanServicesInput {
  /** Worker processes of this machine, as `planWorkers` made them out: each has its program beside it. */
  planned: readonly PlannedWorker[];
  /** `workers` of the mapping. */
  entries: ReadonlyMap<string, WorkerEntry>;
  /** Devices of this machine. */
  gpus: readonly GpuFacts[];
  paths: ServicePaths;
}

/** Whether a worker brings a program that has to run on this machine. Without one it is a library, or is elsewhere. */
export function hasProgram(entry: WorkerEntry): boolean {
  return entry.installer != null || entry.installer_config?.['command'] !== undefined;
}

/** Whether something has to be brought to this machine before that program runs. */
export function hasInstallation(entry: WorkerEntry): boolean {
  if (!hasProgram(entry)) return false;
  const definition = readDefinition(entry, readyMade(entry.installer), '', []);
  return definition !== undefined && Boolean(definition.install?.length || definition.install_command);
}

/**
 * Everything that has to be installed and run beside some workers: one instance each, on the worker's device and ports.
 * @throws ConfigError naming everything that is wrong at once; nothing was touched
 */
export function planServices({ planned, entries, gpus, paths }: PlanServicesInput): ServicePlan {
  const problems: ConfigProblem[] = [];
  const plan: ServicePlan = { installs: [], instances: [] };
  for (const id of new Set(planned.map(({ workerId }) => workerId))) {
    const entry = entries.get(id);
    if (!entry || !hasProgram(entry)) continue;
    const at = `workers.${id}`;
    const preset = readyMade(entry.installer);
    const definition = readDefinition(entry, preset, at, problems);
    if (!definition) continue;
    const install = planInstall(id, definition, paths, at, problems);
    if (install) plan.installs.push(install);
    for (const place of placesOf(id, planned, gpus)) {
      const instance = planInstance({ id, entry, definition, preset, place, paths, at, problems });
      if (instance) plan.instances.push(instance);
    }
  }
  checkPorts(plan.instances, problems);
  if (problems.length > 0) throw new ConfigError('The services of this machine cannot be planned', dedupe(problems));
  return plan;
}

/** The `installer_config` of a worker, completed by what comes ready-made; undefined when something is wrong. */
export function readDefinition(
  entry: WorkerEntry,
  preset: ReadyMade | undefined,
  at: string,
  problems: ConfigProblem[],
): ServiceDefinition | undefined {
  const written: Record<string, unknown> = { ...entry.installer_config };
  const parsed = definitionSchema.safeParse(preset ? preset.expand(written) : written);
  if (!parsed.success) {
    for (const problem of explainIssues(parsed.error.issues, definitionSchema, written))
      problems.push({ ...problem, name: `${at}.installer_config.${problem.name}` });
    return undefined;
  }
  const { command, install, install_command: installCommand } = parsed.data;
  if (!command && !install?.length && !installCommand) {
    problems.push({
      name: `${at}.installer`,
      problem: `"${entry.installer}" is nothing that comes ready-made, and installer_config neither installs nor runs anything`,
      hint: 'ready-made are comfyui and http; or describe the program: {"install_command": …, "command": ["program", "--port", "{port}"]}',
    });
    return undefined;
  }
  return parsed.data;
}

function placesOf(id: string, planned: readonly PlannedWorker[], gpus: readonly GpuFacts[]): ServicePlace[] {
  const onDevice = new Map<number, number>();
  return planned
    .filter(({ workerId }) => workerId === id)
    .map(({ name, instance, device, ports, env, binding }): ServicePlace => {
      const gpu =
        device && (binding === 'gpu' || binding === 'mock_gpu')
          ? gpus.find((each) => each.index === device.index)
          : undefined;
      if (!gpu) return { name, index: instance, ports, env: unitOf(env) };
      const nth = onDevice.get(gpu.index) ?? 0;
      onDevice.set(gpu.index, nth + 1);
      return { name: `${id}-gpu${gpu.index}${nth === 0 ? '' : `-${nth}`}`, index: instance, ports, gpu, env: {} };
    });
}

/** Of what the worker gets, the variable that tells the number of its unit. The others are the worker's own. */
function unitOf(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => name !== 'WORKER_ID' && !name.startsWith('SWITCHYARD_')),
  );
}

/** Across all services: some have their ports from what comes ready-made. */
function checkPorts(instances: readonly InstancePlan[], problems: ConfigProblem[]): void {
  const taken = new Map<number, string>();
  for (const { name, service, ports } of instances) {
    for (const port of ports) {
      const at = { name: `workers.${service}.ports` };
      const other = taken.get(port);
      if (port > 65_535)
        problems.push({ ...at, problem: `leads to port ${port} for ${name}`, hint: 'ports end at 65535: begin lower' });
      else if (other !== undefined)
        problems.push({
          ...at,
          problem: `gives port ${port} to ${name}, which ${other} has`,
          hint: 'begin elsewhere, or set port_increment so that the ranges do not meet',
        });
      taken.set(port, name);
    }
  }
}

/** What is wrong with a service is found again for each of its instances. */
function dedupe(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...new Map(problems.map((problem) => [`${problem.name} ${problem.problem}`, problem])).values()];
}
