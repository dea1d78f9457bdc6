import { z } from 'zod';
import type { CommandHandlers } from '../../../activities/machine/machine-command.ts';
import type { KeptWorker } from '../kept-worker.ts';
import type { MachineStatus } from '../machine-state.ts';
import { CommandError, readArgs } from './command-error.ts';

export interface MachineCommandsDeps {
  status: MachineStatus;
  workers: readonly KeptWorker[];
  /** Begins to leave once the command has been answered. */
  leave: (reason: 'stopped' | 'restarting', by: string) => void;
}

const DRAINING = 'the machine is being drained';
/** For the answer to reach Temporal before the machine leaves. Milliseconds. */
const ANSWER_MS = 250;

const none = z.strictObject({});
const leaveArgs = z.strictObject({ drain: z.boolean().default(false) });
const slotsArgs = z.strictObject({
  worker: z.string().optional(),
  slots: z.int('must be a whole number').min(0, 'must be 0–1000').max(1_000, 'must be 0–1000').nullable(),
});

/** Drain, resume, restart, stop, and the number of jobs at a time. */
export function machineCommands({ status, workers, leave }: MachineCommandsDeps): CommandHandlers {
  const drain = () => {
    status.setDraining(true);
    for (const worker of workers) worker.hold(DRAINING);
  };
  const summary = () => ({
    state: status.state,
    active_jobs: workers.reduce((sum, worker) => sum + worker.activeJobs, 0),
  });
  const leaveBy =
    (reason: 'stopped' | 'restarting') =>
    async (args: Record<string, unknown>, { signal }: { signal: AbortSignal }) => {
      const { drain: first } = readArgs(args, leaveArgs);
      if (first) {
        drain();
        await untilIdle(workers, signal);
      }
      setTimeout(() => leave(reason, 'by command'), ANSWER_MS);
      return { ...summary(), leaving: reason };
    };
  return {
    drain: async (args, { signal }) => {
      const { wait } = readArgs(args, z.strictObject({ wait: z.boolean().default(false) }));
      drain();
      if (wait) await untilIdle(workers, signal);
      return summary();
    },
    resume: async (args) => {
      readArgs(args, none);
      status.setDraining(false);
      for (const worker of workers) worker.release(DRAINING);
      return summary();
    },
    stop: leaveBy('stopped'),
    restart: leaveBy('restarting'),
    'slots.set': async (args) => {
      const { worker: name, slots } = readArgs(args, slotsArgs);
      const wanted = workers.filter(({ plan }) => name === undefined || plan.name === name || plan.workerId === name);
      if (wanted.length === 0) {
        const known = workers.map(({ plan }) => plan.name).join(', ') || 'none';
        throw new CommandError('not_found', `There is no worker "${name}" on this machine; there are: ${known}`);
      }
      for (const worker of wanted) {
        if (slots === 0) worker.hold(NO_SLOTS);
        else {
          worker.setSlots(slots ?? undefined);
          worker.release(NO_SLOTS);
        }
      }
      return { workers: wanted.map((worker) => worker.card()) };
    },
  };
}

const NO_SLOTS = 'it was given no slots';
const LOOK_MS = 200;

async function untilIdle(workers: readonly KeptWorker[], signal: AbortSignal): Promise<void> {
  while (!workers.every(({ idle }) => idle)) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
