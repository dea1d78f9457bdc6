import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InstanceProcesses, ProcessEvent } from '../../../connectors/comfyui/instances/processes.ts';
import type { InstanceConfig } from '../../../contract/instance.schema.ts';
import type { GpuFacts } from '../../../contract/machine-facts.ts';
import type { WorkerEntry } from '../../../platform/catalog/service-mapping.schema.ts';
import { ConfigError, type ConfigProblem } from '../../../platform/config/config-error.ts';
import { checkPortsFree, examineInstance } from '../services/examine-instance.ts';
import { installService } from '../services/install-service.ts';
import { planInstall } from '../services/plan-install.ts';
import { planInstance } from '../services/plan-instance.ts';
import { readDefinition } from '../services/plan-services.ts';
import { readyMade } from '../services/ready-made.ts';
import { ServiceError } from '../services/service-error.ts';
import type { ServiceEvent } from '../services/service-events.ts';
import type { InstallPlan, InstancePlan, ServicePaths } from '../services/service-plan.ts';
import type { ServiceSupervisor } from '../services/supervisor.ts';

interface ComfyProcessesDeps {
  supervisor: ServiceSupervisor;
  paths: ServicePaths;
  /** The worker of the mapping that brings ComfyUI: how it is installed and run. Its ports and devices do not count. */
  program: { id: string; entry: WorkerEntry };
  /** Our own environment, of which an allow-list is handed on. */
  env: NodeJS.ProcessEnv;
  logsDir: string;
  /** Ends an installation. */
  signal: AbortSignal;
}

const PREFIX = 'instance-';

/** Instances of ComfyUI as services of the machine's supervisor: `instance-<id>`, each with its own port and device. */
export function createComfyProcesses(deps: ComfyProcessesDeps): InstanceProcesses {
  const { supervisor, paths, logsDir, env } = deps;
  const find = (id: string) => supervisor.list().find(({ name }) => name === PREFIX + id);
  return {
    roots: [paths.servicesDir, ...paths.roots],
    async examine(config, gpu) {
      const { plan, install } = planOf(config, gpu, deps);
      // What is not there yet is brought by its installation.
      if (install && isMissing(install)) await checkPortsFree(plan);
      else await examineInstance(plan, deps.env);
    },
    async start(config, gpu) {
      const { plan, install } = planOf(config, gpu, deps);
      if (install && isMissing(install)) await installService(install, { logsDir, env, signal: deps.signal });
      writeExtraPaths(config, plan);
      await supervisor.start(plan);
    },
    async stop(id) {
      if (find(id)) await supervisor.remove(PREFIX + id);
    },
    usage(id) {
      const usage = find(id)?.usage;
      return usage && { cpuPercent: usage.cpu_percent, memoryBytes: usage.memory_bytes };
    },
    subscribe: (listener) =>
      supervisor.subscribe((event) => {
        const told = toProcessEvent(event);
        if (told) listener(told);
      }),
  };
}

/** A copy that somebody has put there is used as it is; an installation that was interrupted goes on. */
function isMissing({ dir }: InstallPlan): boolean {
  return !existsSync(dir) || existsSync(join(dir, '.switchyard'));
}

/** @throws ServiceError `validation` naming what is wrong with the mapping */
function planOf(
  config: InstanceConfig,
  gpu: GpuFacts | undefined,
  { program, paths }: ComfyProcessesDeps,
): { plan: InstancePlan; install: InstallPlan | undefined } {
  const { id, entry } = program;
  const at = `workers.${id}`;
  const problems: ConfigProblem[] = [];
  const preset = readyMade(entry.installer);
  const definition = readDefinition(entry, preset, at, problems);
  const host = config.host === 'localhost' ? '127.0.0.1' : config.host.replace(/^\[|\]$/g, '');
  const place = { name: PREFIX + config.id, index: 0, ports: [config.port], env: {}, ...(gpu ? { gpu } : {}) };
  const plan =
    definition && planInstance({ id, entry, definition: { ...definition, host }, preset, place, paths, at, problems });
  const install = definition && planInstall(id, definition, paths, at, problems);
  if (!plan || problems.length > 0) {
    const why = problems.length > 0 ? new ConfigError('', problems).message.trim() : 'it has no command';
    throw new ServiceError('validation', `${config.id} cannot be started as the mapping has it (${at}): ${why}`);
  }
  const { CUDA_VISIBLE_DEVICES: _, ...own } = config.envVars ?? {};
  const command = [...plan.command, ...extraPathArgs(config, plan)] as [string, ...string[]];
  return { plan: { ...plan, command, env: { ...plan.env, ...own } }, install };
}

function extraPathArgs({ customNodesPath }: InstanceConfig, plan: InstancePlan): string[] {
  return customNodesPath === undefined ? [] : ['--extra-model-paths-config', extraPathsFile(plan)];
}

/** Further folders of ComfyUI: extra_model_paths.yaml.example of its repository. JSON text is YAML text. */
function writeExtraPaths({ customNodesPath }: InstanceConfig, plan: InstancePlan): void {
  if (customNodesPath === undefined) return;
  mkdirSync(plan.folders[0] as string, { recursive: true });
  writeFileSync(extraPathsFile(plan), `switchyard:\n  custom_nodes: ${JSON.stringify(customNodesPath)}\n`);
}

function extraPathsFile({ folders }: InstancePlan): string {
  return join(folders[0] as string, 'extra_model_paths.yaml');
}

function toProcessEvent(event: ServiceEvent): ProcessEvent | undefined {
  if (!event.name.startsWith(PREFIX)) return undefined;
  const id = event.name.slice(PREFIX.length);
  switch (event.type) {
    case 'ready':
      return { id, type: 'ready' };
    case 'gone':
      return { id, type: 'gone', reason: event.reason, restarting: true };
    case 'failed':
      return { id, type: 'gone', reason: event.reason, restarting: false };
    default:
      return undefined;
  }
}
