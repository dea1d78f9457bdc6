import { join } from 'node:path';
import { z } from 'zod';
import type { CommandHandler, CommandHandlers } from '../../../activities/machine/machine-command.ts';
import type { InstanceManager } from '../../../connectors/comfyui/instances/instance-manager.ts';
import { writePrivateJson } from '../../../connectors/comfyui/instances/private-files.ts';
import { isErrorCode } from '../../../contract/errors.ts';
import type { InstanceWish } from '../../../contract/instance.schema.ts';
import { INSTANCE_STATUSES, type InstanceStatus } from '../../../contract/machine-card.ts';
import { CommandError, readArgs } from '../commands/command-error.ts';
import { type BulkVerb, forInstances } from './bulk-commands.ts';

const object = z.record(z.string(), z.unknown());
const one = z.strictObject({ id: z.string().min(1, 'must name an instance') });
const none = z.strictObject({});

/** Documents as they go over the wire: dates become texts. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

/** @throws CommandError that says that it is there all the same */
async function startNew(manager: InstanceManager, id: string): Promise<void> {
  try {
    await manager.startInstance(id);
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    throw new CommandError(
      isErrorCode(code) ? code : 'internal',
      `${id} was created, and could not be started: ${message}`,
    );
  }
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
  const verb = (from: readonly InstanceStatus[], work: BulkVerb['work']) =>
    forInstances(manager, { from, work, tell: (id) => plain(manager.describe(id)) });
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
      if (start) await startNew(manager, id);
      return plain(manager.describe(id));
    },
    'instance.update': async (args) => {
      const { id, change } = readArgs(args, one.extend({ change: object }));
      await manager.updateInstance(id, change);
      return plain(manager.describe(id));
    },
    'instance.delete': forInstances(manager, {
      from: INSTANCE_STATUSES,
      work: (id) => manager.deleteInstance(id),
      tell: (id) => ({ id, deleted: true }),
    }),
    'instance.start': verb(['stopped', 'error'], (id) => manager.startInstance(id)),
    'instance.stop': verb(['starting', 'running', 'paused', 'error'], (id) => manager.stopInstance(id)),
    'instance.restart': verb(['running', 'paused', 'error'], (id) => manager.restartInstance(id)),
    'instance.pause': verb(['running'], (id) => manager.pauseInstance(id)),
    'instance.resume': verb(['paused'], (id) => manager.resumeInstance(id)),
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
