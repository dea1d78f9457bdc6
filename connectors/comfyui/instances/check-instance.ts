import type { FieldError } from '../../../contract/errors.ts';
import type { InstanceConfig } from '../../../contract/instance.schema.ts';
import type { GpuFacts } from '../../../contract/machine-facts.ts';
import { confinePath } from '../../../platform/machine/confined-path.ts';
import { checkEnvironment } from '../../../platform/machine/service-environment.ts';
import { addressProblem, isManagedConfig } from './endpoint.ts';
import { chooseGpu } from './gpu-choice.ts';

/** What a machine allows. */
export interface MachineRules {
  gpus: readonly GpuFacts[];
  /** Folders that `customNodesPath` must lie in. */
  roots: readonly string[];
  /** Whether this process starts instances; who only reads along has no GPUs and folders to check against. */
  startsProcesses: boolean;
}

/** Everything about an instance that does not fit this machine or the other instances, one entry a field. */
export function checkInstance(
  config: InstanceConfig,
  others: readonly InstanceConfig[],
  rules: MachineRules,
): FieldError[] {
  const problems: FieldError[] = [];
  const say = (field: string, detail: string, hint?: string) =>
    problems.push({ pointer: `/${field}`, detail, ...(hint ? { hint } : {}) });

  const namesake = others.find(({ name }) => name.toLowerCase() === config.name.toLowerCase());
  if (namesake) say('name', `is the name of ${namesake.id} already`, 'give it another one');
  const address = addressProblem(config);
  if (address) say(config.url === undefined ? 'host' : 'url', address.detail, address.hint);
  const managed = isManagedConfig(config);
  const neighbour = others.find((other) => managed && isManagedConfig(other) && other.port === config.port);
  if (neighbour)
    say('port', `${config.port} is the port of ${neighbour.id} already`, 'choose another, or leave it out');

  checkVariables(config, problems);
  const { customNodesPath } = config;
  if (managed && rules.startsProcesses) {
    if (customNodesPath !== undefined && confinePath(customNodesPath, '/', rules.roots) === undefined)
      say('customNodesPath', 'leads out of the allowed folders', allowed(rules.roots));
    const choice = chooseGpu(config, rules.gpus, []);
    if ('problem' in choice)
      say(config.gpuDevice === undefined ? 'envVars/CUDA_VISIBLE_DEVICES' : 'gpuDevice', choice.problem, choice.hint);
  }
  return problems;
}

function checkVariables(config: InstanceConfig, problems: FieldError[]): void {
  const { envVars = {}, gpuDevice } = config;
  const { CUDA_VISIBLE_DEVICES: devices, ...rest } = envVars;
  for (const { name, problem, hint } of checkEnvironment({ env: rest, passEnv: [] }, '', true))
    problems.push({
      pointer: `/envVars/${name.slice('.env.'.length)}`,
      detail: problem,
      ...(hint ? { hint: hint.replace('resource_binding', 'gpuDevice') } : {}),
    });
  // Many write it beside gpuDevice; it may say the same once more.
  const number = /(\d+)$/.exec(gpuDevice ?? '')?.[1];
  const same =
    gpuDevice === undefined || gpuDevice === 'auto' || number === devices || (gpuDevice === 'cpu' && devices === '-1');
  if (devices !== undefined && !same)
    problems.push({
      pointer: '/envVars/CUDA_VISIBLE_DEVICES',
      detail: `contradicts gpuDevice, which says ${gpuDevice}`,
      hint: 'leave it out: gpuDevice decides',
    });
}

function allowed(roots: readonly string[]): string {
  return roots.length > 0
    ? `put it below ${roots.join(' or ')}, or add its folder to SWITCHYARD_SERVICE_ROOTS`
    : 'name the folders that are allowed in SWITCHYARD_SERVICE_ROOTS';
}
