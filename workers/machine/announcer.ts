import type { Client } from '@temporalio/client';
import { MACHINE_WORKFLOW, machineWorkflowId } from '../../contract/machine-card.ts';
import { MACHINE_BOOT_SIGNAL } from '../../contract/machine-command.ts';
import {
  MACHINE_PRESENCE_QUERY,
  type MachineBoot,
  type MachineLife,
  PRESENCE_TIMEOUT_MS,
  type PresenceState,
  type PresenceTask,
} from '../../contract/machine-presence.ts';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import { bounded } from '../../platform/jobs/temporal-calls.ts';
import type { Logger } from '../../platform/logging/logger.ts';

export interface AnnouncerOptions {
  client: Client;
  machineId: string;
  boot: MachineBoot;
  logger: Logger;
  /** Another process has taken this id over; told once. */
  onReplaced: (by: MachineBoot) => void;
}

const CALL_MS = 5_000;
/** Between two looks whether the machine is still taken for present. Milliseconds. */
const CHECK_MS = 2_000;
/** So long a presence may take to begin before somebody is asked. Milliseconds. */
const PATIENCE_MS = PRESENCE_TIMEOUT_MS + 3_000;

/**
 * Keeps a machine present: announces it, and again whenever Temporal has taken it for dead although it lives, after an
 * outage for example.
 */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #first: Promise<void>;
  #onFirst: () => void = () => {};
  #present: PresenceTask | undefined;
  #missingSince = performance.now();
  /** Something has happened that should be looked into soon. */
  #doubt = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#first = new Promise((resolve) => {
      this.#onFirst = resolve;
    });
  }

  /** Whether Temporal takes this machine for present, as far as it is known here. */
  get present(): boolean {
    return this.#present !== undefined;
  }

  /** Settles when the machine was taken for present for the first time. */
  get firstPresence(): Promise<void> {
    return this.#first;
  }

  /** @throws TemporalUnavailableError, TemporalBusyError */
  async announce(): Promise<void> {
    const { client, machineId, boot } = this.#options;
    this.#missingSince = performance.now();
    await bounded(client, CALL_MS, () =>
      client.workflow.signalWithStart(MACHINE_WORKFLOW, {
        workflowId: machineWorkflowId(machineId),
        taskQueue: JOBS_TASK_QUEUE,
        args: [{ machine_id: machineId } satisfies MachineLife],
        signal: MACHINE_BOOT_SIGNAL,
        signalArgs: [boot],
        staticSummary: `machine ${machineId}`,
      }),
    );
    this.#timer ??= setInterval(() => void this.#check(), CHECK_MS);
    this.#timer.unref();
  }

  began(task: PresenceTask): void {
    this.#present = task;
    this.#doubt = false;
    this.#onFirst();
  }

  ended(task: PresenceTask): void {
    // The one that replaced it may have begun before this one has ended.
    if (this.#present?.generation !== task.generation) return;
    this.#present = undefined;
    this.#missingSince = performance.now();
    this.#doubt = true;
  }

  foreign(): void {
    this.#doubt = true;
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    const late = !this.#present && performance.now() - this.#missingSince > PATIENCE_MS;
    if (this.#stopped || !(this.#doubt || late)) return;
    const { client, machineId, boot, logger, onReplaced } = this.#options;
    this.#missingSince = performance.now();
    try {
      const handle = client.workflow.getHandle(machineWorkflowId(machineId));
      const { status } = await bounded(client, CALL_MS, () => handle.describe());
      if (status.name === 'RUNNING') {
        const state = await bounded(client, CALL_MS, () => handle.query<PresenceState>(MACHINE_PRESENCE_QUERY));
        if (this.#stopped) return;
        if (state.boot && state.boot.boot_id !== boot.boot_id) {
          this.stop();
          onReplaced(state.boot);
          return;
        }
        // It is being scheduled, or has just begun.
        if (state.present) {
          this.#doubt = false;
          return;
        }
      }
      logger.info('Temporal no longer takes this machine for present: announcing it again');
      await this.announce();
      this.#doubt = false;
    } catch (error) {
      logger.debug({ err: error }, 'presence could not be checked');
    }
  }
}
