import { join } from 'node:path';
import { z } from 'zod';
import type { CommandHandler, CommandHandlers } from '../../../activities/machine/machine-command.ts';
import type { InstanceManager } from '../../../connectors/comfyui/instances/instance-manager.ts';
import { writePrivateJson } from '../../../connectors/comfyui/instances/private-files.ts';
import type { InstanceWish } from '../../../contract/instance.schema.ts';
import { readArgs } from '../commands/command-error.ts';

const object = z.record(z.string(), z.unknown());
const one = z.strictObject({ id: z.string().min(1, 'must name an instance') });
const none = z.strictObject({});

/** Documents as they go over the wire: dates become texts. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

/** What a machine can be told to do with its ComfyUI instances. What is wrong with a configuration the manager says. */
export function instanceCommands(manager: InstanceManager): CommandHandlers {
  const onOne =
    (work: (id: string) => Promise<unknown>): CommandHandler =>
    async (args) => {
      const { id } = readArgs(args, one);
      await work(id);
      return plain(manager.describe(id));
    };
  return {
    'instance.list': async (args) => {
      readArgs(args, none);
      return plain({
        instances: manager.listInstances().map(({ id }) => manager.describe(id)),
        activeInstanceId: manager.getActiveInstance()?.id ?? null,
        problems: manager.problems,
        ...(manager.migration ? { migration: manager.migration } : {}),
      });
    },
    'instance.get': onOne(async () => {}),
    'instance.health': async (args) => {
      const { id } = readArgs(args, one);
      await manager.checkInstanceHealth(id);
      const { checks, errors, alerts } = manager.getHistory(id).health;
      const { health } = manager.describe(id);
      return plain({ id, health, alerts: alerts.slice(-20), checks: checks.slice(-20), errors: errors.slice(-20) });
    },
    'instance.stats': async (args) => {
      const { id } = readArgs(args, one);
      const { health, workflows } = manager.getHistory(id);
      const stats = manager.getInstanceStats(id);
      return plain({ id, stats, metrics: health.metrics.slice(-60), workflows: workflows.slice(-20) });
    },
    'instance.create': async (args) => {
      const { config, start } = readArgs(
        args,
        z.strictObject({ config: object, start: z.boolean().default(false).describe('Start it at once') }),
      );
      const { id } = await manager.createInstance(config as InstanceWish);
      if (start) await manager.startInstance(id);
      return plain(manager.describe(id));
    },
    'instance.update': async (args) => {
      const { id, change } = readArgs(args, one.extend({ change: object }));
      await manager.updateInstance(id, change);
      return plain(manager.describe(id));
    },
    'instance.delete': async (args) => {
      const { id } = readArgs(args, one);
      await manager.deleteInstance(id);
      return { id, deleted: true };
    },
    'instance.start': onOne((id) => manager.startInstance(id)),
    'instance.stop': onOne((id) => manager.stopInstance(id)),
    'instance.restart': onOne((id) => manager.restartInstance(id)),
    'instance.pause': onOne((id) => manager.pauseInstance(id)),
    'instance.resume': onOne((id) => manager.resumeInstance(id)),
    'instance.use': onOne((id) => manager.setActiveInstance(id)),
    'instance.export': async (args) => {
      const { secrets } = readArgs(args, z.strictObject({ secrets: z.boolean().default(false) }));
      if (!secrets) return JSON.parse(manager.exportInstances()) as unknown;
      // A result stands in Temporal's history, where no key belongs: they stay on the machine.
      const file = join(
        manager.folder,
        `comfyui_instances.export-${new Date().toISOString().replaceAll(':', '-')}.json`,
      );
      await writePrivateJson(file, JSON.parse(manager.exportInstances({ secrets })));
      return { file };
    },
    'instance.import': async (args) => {
      const { data } = readArgs(args, z.strictObject({ data: z.union([z.string(), object]) }));
      const migration = await manager.importInstances(typeof data === 'string' ? data : JSON.stringify(data));
      return plain({
        instances: manager.listInstances().map(({ id, name }) => ({ id, name })),
        ...(migration ? { migration } : {}),
      });
    },
  };
}
