import { z } from 'zod';
import type { CommandHandlers } from '../../../activities/machine/machine-command.ts';
import type { ComfyUIRemoteConnector } from '../../../connectors/comfyui/connector.ts';
import type { InstancePlan } from '../services/service-plan.ts';
import { CommandError, readArgs } from './command-error.ts';

/** The ComfyUIs of the machine's plan: those whose worker is told where one is. */
function comfyUIs(plans: readonly InstancePlan[]): InstancePlan[] {
  return plans.filter(({ workerEnv }) => workerEnv['COMFYUI_URL'] !== undefined);
}

const freeArgs = z.strictObject({
  name: z.string().optional(),
  gpu: z.int().min(0).optional(),
  models_only: z.boolean().default(false),
});
const nodesArgs = z.strictObject({
  nodes: z.array(z.string().min(1)).min(1, 'must name a node').describe('ADDRESS[@REF] of git repositories'),
  name: z.string().optional().describe('Of one service; default: all'),
  run_install_scripts: z.boolean().default(false),
});

/** Give memory of the devices free, and install custom nodes, through the ComfyUI connector family. */
export function comfyUICommands(plans: readonly InstancePlan[], env: NodeJS.ProcessEnv): CommandHandlers {
  const chosen = (name: string | undefined, gpu?: number) => {
    const all = comfyUIs(plans);
    const found = all.filter(
      (one) =>
        (name === undefined || one.name === name || one.service === name) &&
        (gpu === undefined || one.gpu?.index === gpu),
    );
    if (found.length > 0) return found;
    const known = all.map((one) => one.name).join(', ') || 'none';
    throw new CommandError('not_found', `There is no such ComfyUI on this machine; there are: ${known}`);
  };
  return {
    'vram.free': async (args) => {
      const { name, gpu, models_only: modelsOnly } = readArgs(args, freeArgs);
      const freed = await Promise.all(
        chosen(name, gpu).map(async (plan) => {
          await withConnector(plan, env, (connector) =>
            connector.freeMemory({ unload_models: true, free_memory: !modelsOnly }),
          );
          return plan.name;
        }),
      );
      return { freed };
    },
    'nodes.install': async (args, { signal }) => {
      const { nodes, name, run_install_scripts: installScripts } = readArgs(args, nodesArgs);
      const [{ readNodeList }, { installCustomNodes }] = await Promise.all([
        import('../../../connectors/comfyui/nodes/custom-node.ts'),
        import('../../../connectors/comfyui/nodes/install-nodes.ts'),
      ]);
      const wanted = nodes.flatMap((each) => readNodeList(each));
      // Instances share the folder of their service.
      const folders = new Map(chosen(name).map((plan) => [plan.workerEnv['COMFYUI_DIR'] ?? '', plan]));
      const results = [];
      for (const [dir, plan] of folders) {
        const done = dir
          ? await installCustomNodes(dir, wanted, { signal, installScripts })
          : await withConnector(plan, env, (connector) => connector.installCustomNodes(wanted, { signal }));
        results.push({ service: plan.service, nodes: done });
      }
      return { services: results, note: 'ComfyUI loads new nodes when it starts the next time: service.restart' };
    },
  };
}

async function withConnector<T>(
  { workerEnv }: InstancePlan,
  env: NodeJS.ProcessEnv,
  work: (connector: ComfyUIRemoteConnector) => Promise<T>,
): Promise<T> {
  const { ComfyUIRemoteConnector: Connector } = await import('../../../connectors/comfyui/connector.ts');
  const url = workerEnv['COMFYUI_URL'] ?? env['COMFYUI_URL'] ?? '';
  const connector = new Connector('machine', { url, dir: workerEnv['COMFYUI_DIR'] ?? '' });
  try {
    return await work(connector);
  } finally {
    await connector.cleanup();
  }
}
