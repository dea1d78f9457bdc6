import type { GpuFacts } from '../../../contract/machine-facts.ts';
import {
  BUILT_IN_BINDINGS,
  type ResourceBinding,
  type WorkerEntry,
} from '../../../platform/catalog/service-mapping.schema.ts';
import { ConfigError, type ConfigProblem } from '../../../platform/config/config-error.ts';
import { explainIssues } from '../../../platform/config/explain-issues.ts';
import { definitionSchema, type ServiceDefinition } from './definition.schema.ts';
import { planInstall } from './plan-install.ts';
import { planInstance } from './plan-instance.ts';
import { readyMade, type ReadyMade } from './ready-made.ts';
import type { InstancePlan, ServicePlan } from './service-plan.ts';
import type { ServicePaths, Slot, WantedService } from './wanted-service.ts';

export interface PlanServicesInput {
  wanted: readonly WantedService[];
  gpus: readonly GpuFacts[];
  bindings: ReadonlyMap<string, ResourceBinding>;
  paths: ServicePaths;
}

/** Whether a worker brings a program that has to run on this machine. Without one it is a library, or is elsewhere. */
export function hasProgram(entry: WorkerEntry): boolean {
  return entry.installer != null || entry.installer_config?.['command'] !== undefined;
}

/**
 * Everything that has to be installed and run for some workers, one instance per device.
 * @throws ConfigError naming everything that is wrong at once; nothing was touched
 */
export function planServices(input: PlanServicesInput): ServicePlan {
  const problems: ConfigProblem[] = [];
  const plan: ServicePlan = { installs: [], instances: [] };
  for (const wanted of input.wanted) {
    if (!hasProgram(wanted.entry)) continue;
    const at = `workers.${wanted.id}`;
    const preset = readyMade(wanted.entry.installer);
    const definition = readDefinition(wanted.entry, preset, at, problems);
    if (!definition) continue;
    const install = planInstall(wanted.id, definition, input.paths, at, problems);
    if (install) plan.installs.push(install);
    for (const slot of slotsOf(wanted, definition, input, at, problems)) {
      const instance = planInstance({ wanted, definition, preset, slot, paths: input.paths, at, problems });
      if (instance) plan.instances.push(instance);
    }
  }
  checkPorts(plan.instances, problems);
  if (problems.length > 0) throw new ConfigError('The services of this machine cannot be planned', dedupe(problems));
  return plan;
}

function readDefinition(
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

function slotsOf(
  { entry, instances }: WantedService,
  definition: ServiceDefinition,
  { gpus, bindings }: PlanServicesInput,
  at: string,
  problems: ConfigProblem[],
): Slot[] {
  const each = entry.service_instances_per_gpu ?? 1;
  const binding = entry.resource_binding;
  const slots =
    binding === 'gpu'
      ? gpuSlots(chosenGpus(definition, gpus, at, problems), each)
      : binding === 'mock_gpu'
        ? gpuSlots(gpus.map(pretended), each)
        : plainSlots(unitsOf(binding, bindings, each, instances), each, bindings.get(binding)?.device_env);
  if (instances === undefined) return slots;
  if (instances <= slots.length) return slots.slice(0, instances);
  problems.push({
    name: at,
    problem: `cannot run ${instances} instances: its binding "${binding}" has room for ${slots.length} here`,
    hint: `this machine has ${describeGpus(gpus)}; ask for fewer, or raise service_instances_per_gpu (${each})`,
  });
  return [];
}

function chosenGpus(
  { gpus: chosen }: ServiceDefinition,
  gpus: readonly GpuFacts[],
  at: string,
  problems: ConfigProblem[],
): GpuFacts[] {
  if (gpus.length === 0) {
    problems.push({
      name: `${at}.resource_binding`,
      problem: 'is "gpu", and this machine has none',
      hint: 'run it where there is one, bind it to "cpu", or pretend with --mock-gpus',
    });
    return [];
  }
  for (const index of chosen ?? []) {
    if (gpus.some((gpu) => gpu.index === index)) continue;
    problems.push({
      name: `${at}.installer_config.gpus`,
      problem: `there is no GPU ${index}`,
      hint: `this machine has ${describeGpus(gpus)}`,
    });
  }
  return gpus.filter((gpu) => chosen?.includes(gpu.index) ?? true);
}

/** A device of a machine, in whose place only a number is given. */
function pretended({ index, name }: GpuFacts): GpuFacts {
  return {
    index,
    vendor: 'mock',
    name: `Mock of ${name}`,
    device: String(index),
    memory_total_bytes: null,
    memory_used_bytes: null,
    utilization_percent: null,
    temperature_celsius: null,
  };
}

function gpuSlots(gpus: readonly GpuFacts[], each: number): Slot[] {
  return gpus.flatMap((gpu, position) =>
    Array.from({ length: each }, (_, nth) => ({
      index: position * each + nth,
      suffix: nth === 0 ? `gpu${gpu.index}` : `gpu${gpu.index}-${nth}`,
      gpu,
    })),
  );
}

function unitsOf(
  binding: string,
  bindings: ReadonlyMap<string, ResourceBinding>,
  each: number,
  instances: number | undefined,
): number {
  const builtIn = (BUILT_IN_BINDINGS as readonly string[]).includes(binding);
  return builtIn ? Math.max(1, Math.ceil((instances ?? 1) / each)) : (bindings.get(binding)?.units ?? 0);
}

function plainSlots(units: number, each: number, variable: string | undefined): Slot[] {
  return Array.from({ length: units * each }, (_, index) => ({
    index,
    suffix: String(index),
    ...(variable ? { unit: { [variable]: String(Math.floor(index / each)) } } : {}),
  }));
}

function describeGpus(gpus: readonly GpuFacts[]): string {
  if (gpus.length === 0) return 'no GPU';
  return gpus.map(({ index, name }) => `GPU ${index} (${name})`).join(', ');
}

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
