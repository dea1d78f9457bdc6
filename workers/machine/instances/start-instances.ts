import { instancesFolder } from '../../../connectors/comfyui/instances/folder.ts';
import { InstanceManager } from '../../../connectors/comfyui/instances/instance-manager.ts';
import { type WorkerEntry, workerEntrySchema } from '../../../platform/catalog/service-mapping.schema.ts';
import type { MachineExtension, MachineParts } from '../extension.ts';
import type { ProcessBase } from '../../process/load-process.ts';
import { hasProgram } from '../services/plan-services.ts';
import { createComfyProcesses } from './comfyui-processes.ts';
import { instanceCommands } from './instance-commands.ts';

/** Where the instances of this machine are kept. */
export function folderOfInstances({ config, env }: Pick<ProcessBase, 'config' | 'env'>): string {
  const given = config.instancesDir === undefined ? {} : { SWITCHYARD_INSTANCES_DIR: config.instancesDir };
  return instancesFolder({ ...env, ...given });
}

/**
 * The ComfyUI instances of a machine. When their file cannot be used (it is of a newer version, another machine on this
 * box has it) the machine starts without them, and says why to whoever asks for one.
 */
export async function startInstances(parts: MachineParts): Promise<MachineExtension> {
  const { base, plan, supervisor, logger, facts, changed } = parts;
  const { config, env, catalog } = base;
  const leaving = new AbortController();
  const manager = new InstanceManager({
    folder: folderOfInstances(base),
    logger,
    gpus: () => facts().gpus,
    processes: createComfyProcesses({
      supervisor,
      env,
      logsDir: plan.logsDir,
      paths: { servicesDir: config.servicesDir, roots: config.serviceRoots },
      program: programOf(catalog.workers),
      signal: leaving.signal,
    }),
  });
  manager.subscribe(changed);
  await manager.loadInstances().catch((error: unknown) => {
    logger.error({ err: error }, 'the ComfyUI instances cannot be used');
  });
  return {
    handlers: instanceCommands(manager),
    instances: () => manager.cards(),
    async close() {
      leaving.abort(new Error('the machine leaves'));
      await manager.close();
    },
  };
}

/** How ComfyUI is installed and run here: as the mapping has it for a worker, else as it comes ready-made. */
function programOf(workers: ReadonlyMap<string, WorkerEntry>): { id: string; entry: WorkerEntry } {
  const serves = (entry: WorkerEntry) => entry.service.some(({ capability }) => capability === 'comfyui');
  for (const [id, entry] of workers) if (hasProgram(entry) && serves(entry)) return { id, entry };
  const service = [{ capability: 'comfyui', connector: 'ComfyUILocalConnector', type: 'internal' }];
  return { id: 'comfyui-local', entry: workerEntrySchema.parse({ service, installer: 'comfyui' }) };
}
