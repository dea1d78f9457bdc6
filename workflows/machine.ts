import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { MachineActivities } from '../activities/activities.ts';
import { machineTaskQueue } from '../contract/machine-card.ts';
import { MACHINE_BOOT_SIGNAL } from '../contract/machine-command.ts';
import {
  ABSENCE_MEMO,
  MACHINE_PRESENCE_QUERY,
  type MachineAbsence,
  type MachineBoot,
  type MachineLife,
  PRESENCE_TIMEOUT_MS,
  type PresenceBeat,
  type PresenceState,
  WRONG_BOOT,
} from '../contract/machine-presence.ts';
import { serveCommands } from './machine-commands.ts';

/** A machine that has not been heard of for so long is forgotten. */
const FORGOTTEN_AFTER = '7 days';
/** Events after which a new run begins: reading a history takes its time when an orchestrator is replaced. */
const LONG_HISTORY = 2_000;
/** Pause after another process of the same id has taken up the presence. */
const WRONG_BOOT_PAUSE = '500ms';

const bootSignal = defineSignal<[MachineBoot]>(MACHINE_BOOT_SIGNAL);
const presenceQuery = defineQuery<PresenceState>(MACHINE_PRESENCE_QUERY);

/**
 * One machine. It keeps a long presence activity on the machine's own queue, whose heartbeat details are the machine's
 * card: while the machine lives, no event is written. Its missing beats are the notice of its death. Commands are updates.
 * @returns when nothing was heard of the machine for a week
 */
export async function machine(life: MachineLife): Promise<void> {
  let { boot, generation = 0, absence } = life;
  let announced = life.present ?? false;
  let present = false;
  let renewing = false;
  let scope: CancellationScope | undefined;

  /** Ends the presence of an old life, so that the loop begins another. */
  setHandler(bootSignal, (next) => {
    boot = next;
    announced = true;
    scope?.cancel();
  });
  setHandler(presenceQuery, () => ({ boot, generation, present }));
  const commands = serveCommands({
    machineId: life.machine_id,
    operations: life.operations ?? [],
    whom: () => (present || announced ? boot : undefined),
    absence: () => absence,
    onIdle: () => {
      if (!isLong()) return;
      renewing = true;
      scope?.cancel();
    },
  });

  const { presence } = proxyActivities<MachineActivities>({
    taskQueue: machineTaskQueue(life.machine_id),
    startToCloseTimeout: '3650 days',
    scheduleToStartTimeout: PRESENCE_TIMEOUT_MS,
    heartbeatTimeout: PRESENCE_TIMEOUT_MS,
    retry: { maximumAttempts: 1 },
    // What takes the place of an old presence need not wait for it: it may be dead.
    cancellationType: 'TRY_CANCEL',
    summary: `presence of ${life.machine_id}`,
  });

  while (!renewing) {
    setCurrentDetails(absence ? absence.message : 'Waits for the machine to announce itself');
    const came = await condition(() => announced || renewing, FORGOTTEN_AFTER);
    if (!came) return;
    if (renewing || !boot) break;
    const { boot_id: bootId, hostname } = boot;
    announced = false;
    present = true;
    generation++;
    setCurrentDetails(`Present on ${hostname}, boot ${bootId}`);
    scope = new CancellationScope({ cancellable: true });
    const task = { machine_id: life.machine_id, boot_id: bootId, generation };
    try {
      const end = await scope.run(() => presence(task));
      absence = { kind: end.reason, at: Date.now(), message: end.message ?? SAID[end.reason], card: end.card };
    } catch (error) {
      if (CancellationScope.current().consideredCancelled) throw error;
      if (isWrongBoot(error)) {
        await sleep(WRONG_BOOT_PAUSE);
        announced = true;
      }
      // Of a presence that was given up for another one there is nothing to tell.
      if (announced) continue;
      if (isCancellation(error) && renewing) break;
      absence = deathOf(error, absence);
    } finally {
      scope = undefined;
    }
    if (announced) continue;
    present = false;
    upsertMemo({ [ABSENCE_MEMO]: absence });
    if (isLong()) renewing = true;
  }
  await condition(() => allHandlersFinished() && !commands.busy());
  const next: MachineLife = {
    machine_id: life.machine_id,
    ...(boot ? { boot } : {}),
    generation,
    present: present || announced,
    ...(absence ? { absence } : {}),
    operations: commands.list(),
  };
  await continueAsNew<typeof machine>(next);
}

const SAID = {
  stopped: 'It was stopped',
  restarting: 'It restarts',
  failed: 'Its restarts are spent',
} as const;

function isLong(): boolean {
  const info = workflowInfo();
  return info.continueAsNewSuggested || info.historyLength > LONG_HISTORY;
}

function isWrongBoot(error: unknown): boolean {
  return (
    error instanceof ActivityFailure && error.cause instanceof ApplicationFailure && error.cause.type === WRONG_BOOT
  );
}

function deathOf(error: unknown, before: MachineAbsence | undefined): MachineAbsence {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const base = { kind: 'died', at: Date.now() } as const;
  if (cause instanceof TimeoutFailure) {
    const beat = cause.lastHeartbeatDetails as PresenceBeat | undefined;
    const message =
      cause.timeoutType === 'SCHEDULE_TO_START'
        ? 'It announced itself and then was not there'
        : 'It fell silent: killed, switched off, or cut off from Temporal';
    const card = beat?.card ?? before?.card;
    return { ...base, message, ...(card ? { card } : {}) };
  }
  // How a worker that is shut down with its presence still running ends it.
  if (cause instanceof ApplicationFailure && cause.type === 'WorkerShutdown')
    return { kind: 'stopped', at: Date.now(), message: SAID.stopped, ...(before?.card ? { card: before.card } : {}) };
  return { ...base, message: `Its presence ended: ${(cause as Error)?.message ?? String(cause)}` };
}
