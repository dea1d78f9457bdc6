import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { MachineCard } from '../../contract/machine-card.ts';
import { type PresenceBeat, type PresenceEnd, type PresenceTask, WRONG_BOOT } from '../../contract/machine-presence.ts';
import type { MachineActivities } from '../activities.ts';

/** The machine whose presence it is. */
export interface PresenceDeps {
  bootId: string;
  /** The card as it stands now; called for each beat. */
  card: () => MachineCard;
  /** Calls back when the card has changed in a way that should be seen soon. @returns ends it */
  onChange: (listener: () => void) => () => void;
  /** Settles when the machine leaves, with the reason. */
  leaving: Promise<Omit<PresenceEnd, 'card'>>;
  /** Temporal takes the machine for present from now on. */
  began: (task: PresenceTask) => void;
  /** It no longer does, for another reason than that the machine left. */
  ended: (task: PresenceTask) => void;
  /** Another process has announced itself under this machine's id. */
  foreign: (task: PresenceTask) => void;
}

/** Between two beats. Milliseconds. */
const BEAT_MS = 5_000;

/** The activity that is a machine's sign of life: it runs as long as the machine. */
export function createPresence(deps: PresenceDeps): MachineActivities['presence'] {
  return async (task) => {
    if (task.boot_id !== deps.bootId) {
      deps.foreign(task);
      throw ApplicationFailure.nonRetryable('Another process with this machine id took it', WRONG_BOOT);
    }
    const context = Context.current();
    const beat = () =>
      context.heartbeat({ v: 1, generation: task.generation, card: deps.card() } satisfies PresenceBeat);
    beat();
    deps.began(task);
    const timer = setInterval(beat, BEAT_MS);
    const unsubscribe = deps.onChange(beat);
    try {
      const end = await Promise.race([deps.leaving, context.cancelled]);
      return { ...end, card: deps.card() };
    } catch (error) {
      deps.ended(task);
      throw error;
    } finally {
      clearInterval(timer);
      unsubscribe();
    }
  };
}
