import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { CommandHandlers } from '../../../activities/machine/machine-command.ts';
import { readLog } from '../read-log.ts';
import type { InstancePlan } from '../services/service-plan.ts';
import type { ServiceSupervisor } from '../services/supervisor.ts';
import { CommandError, readArgs } from './command-error.ts';

export interface ServiceCommandsDeps {
  supervisor: ServiceSupervisor;
  /** Of the machine's plan: what can be started though nobody has yet. */
  plans: readonly InstancePlan[];
  logsDir: string;
  /** Names of everything that has a log: services, workers, installations. */
  logs: () => readonly string[];
}

const named = z.strictObject({ name: z.string().min(1) });
const logArgs = z.strictObject({
  name: z.string().min(1),
  lines: z.int().min(1).max(2_000).default(200),
  /** What an earlier answer gave as `next`. */
  after: z.int().min(0).optional(),
  /** How long to wait for something new. Milliseconds. */
  wait_ms: z.int().min(0).max(25_000).default(0),
});
/** Between two looks for something new. Milliseconds. */
const LOOK_MS = 300;

/** Start, stop and restart a service of the machine, and read what it, or a worker, has written. */
export function serviceCommands({ supervisor, plans, logsDir, logs }: ServiceCommandsDeps): CommandHandlers {
  return {
    'service.start': async (args) => {
      const { name } = readArgs(args, named);
      const plan = plans.find((one) => one.name === name);
      if (plan) return supervisor.start(plan);
      // One that is not of the plan is known to the supervisor, or to nobody: the error tells the names.
      const { state } = supervisor.get(name);
      if (state === 'ready' || state === 'starting')
        throw new CommandError('conflict', `${name} runs already: restart it, or stop it first`);
      return supervisor.restart(name);
    },
    'service.stop': async (args) => supervisor.stop(readArgs(args, named).name),
    'service.restart': async (args) => supervisor.restart(readArgs(args, named).name),
    'service.logs': async (args, { signal }) => {
      const { name, lines, after, wait_ms: wait } = readArgs(args, logArgs);
      const known = logs();
      if (!known.includes(name))
        throw new CommandError(
          'not_found',
          `There is no log of "${name}" on this machine; there are: ${known.join(', ')}`,
        );
      const file = join(logsDir, `${name}.log`);
      const until = performance.now() + wait;
      for (;;) {
        const part = await readLog(file, lines, after);
        if (part.lines.length > 0 || performance.now() >= until) return { name, ...part };
        await sleep(LOOK_MS, undefined, { signal });
      }
    },
  };
}
