import type { Client } from '@temporalio/client';
import pLimit from 'p-limit';
import { machineIdOfQueue, machineIdOfWorkflow } from '../../contract/machine-card.ts';
import type { MachineView } from '../../contract/machine-view.ts';
import type { Logger } from '../logging/logger.ts';
import { readMachine } from './read-machine.ts';

export interface MachineCacheOptions {
  client: Client;
  /** Queues that are served now, from worker heartbeats. */
  queues: () => readonly string[];
  logger: Logger;
  /** Shortest pause between two rounds. Milliseconds; default 1,000. */
  refreshMs?: number;
}

/** Told of every machine that changed, or is gone. */
export type MachineListener = (id: string, view: MachineView | undefined) => void;

/** One look costs Temporal about 2 ms; over all machines no more than a twentieth of a core. Milliseconds. */
const PAUSE_PER_MACHINE = 40;
/** How often machines that are not there are looked for in visibility. Milliseconds. */
const LIST_EVERY = 15_000;
/** The same while none is known: whoever starts their first one looks for it at once. */
const LIST_EVERY_WHILE_NONE = 2_000;
const LOOK_MS = 2_000;
const AT_A_TIME = 8;
const MOST = 2_000;

/**
 * All machines with their cards, read in the background: whoever asks is answered at once. Who is there is known from
 * worker heartbeats; visibility only finds those that are away.
 */
export class MachineCache {
  readonly #options: Required<MachineCacheOptions>;
  readonly #machines = new Map<string, MachineView>();
  readonly #listeners = new Set<MachineListener>();
  readonly #limit = pLimit(AT_A_TIME);
  #timer: NodeJS.Timeout | undefined;
  #listedAt = Number.NEGATIVE_INFINITY;
  #round: Promise<void> | undefined;
  #started = false;

  constructor(options: MachineCacheOptions) {
    this.#options = { refreshMs: 1_000, ...options };
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    void this.#tick();
  }

  stop(): void {
    this.#started = false;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  /** All that are known, by id. */
  list(): MachineView[] {
    return [...this.#machines.values()].sort((a, b) => a.id.localeCompare(b.id));
  }

  /** As of the last look; {@link look} asks anew. */
  get(id: string): MachineView | undefined {
    return this.#machines.get(id);
  }

  /** Asks Temporal now. @throws TemporalUnavailableError, TemporalBusyError */
  async look(id: string, ms = LOOK_MS): Promise<MachineView | undefined> {
    this.#note(id, await readMachine(this.#options.client, id, ms));
    return this.#machines.get(id);
  }

  /** @returns ends the subscription */
  subscribe(listener: MachineListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** One round over all machines; rounds do not overlap. */
  refresh(): Promise<void> {
    this.#round ??= this.#refresh()
      .catch((error: unknown) => this.#options.logger.debug({ err: error }, 'machines not available'))
      .finally(() => {
        this.#round = undefined;
      });
    return this.#round;
  }

  async #tick(): Promise<void> {
    await this.refresh();
    if (!this.#started) return;
    const pause = Math.max(this.#options.refreshMs, this.#machines.size * PAUSE_PER_MACHINE);
    this.#timer = setTimeout(() => void this.#tick(), pause);
    this.#timer.unref();
  }

  async #refresh(): Promise<void> {
    const here = this.#options.queues().flatMap((queue) => machineIdOfQueue(queue) ?? []);
    const ids = new Set([...here, ...this.#machines.keys(), ...(await this.#listed())]);
    await Promise.all(
      [...ids].slice(0, MOST).map((id) =>
        this.#limit(() => this.look(id)).catch((error: unknown) => {
          this.#options.logger.debug({ err: error, machine_id: id }, 'card not available');
        }),
      ),
    );
  }

  /** Ids that visibility knows: those of machines that are away, too. */
  async #listed(): Promise<string[]> {
    const every = this.#machines.size === 0 ? LIST_EVERY_WHILE_NONE : LIST_EVERY;
    if (performance.now() - this.#listedAt < every) return [];
    this.#listedAt = performance.now();
    const { client } = this.#options;
    const ids: string[] = [];
    let nextPageToken: Uint8Array | undefined;
    try {
      do {
        const page = await client.withDeadline(Date.now() + LOOK_MS, () =>
          client.workflowService.listWorkflowExecutions({
            namespace: client.options.namespace,
            query: 'WorkflowType = "machine" AND ExecutionStatus = "Running"',
            pageSize: 500,
            nextPageToken,
          }),
        );
        for (const { execution } of page.executions) ids.push(machineIdOfWorkflow(execution?.workflowId ?? ''));
        nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
      } while (nextPageToken && ids.length < MOST);
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'list of machines not available');
    }
    return ids.filter(Boolean);
  }

  #note(id: string, view: MachineView | undefined): void {
    const before = this.#machines.get(id);
    if (!view) {
      this.#machines.delete(id);
      if (before) this.#tell(id, undefined);
      return;
    }
    // Between the end of a presence and its explanation the last card is still worth something.
    const full = !view.card && before?.card ? { ...view, card: before.card } : view;
    this.#machines.set(id, full);
    if (!before || isNews(before, full)) this.#tell(id, full);
  }

  #tell(id: string, view: MachineView | undefined): void {
    for (const listener of this.#listeners) {
      try {
        listener(id, view);
      } catch (error) {
        this.#options.logger.error({ err: error, machine_id: id }, 'a listener to machines failed');
      }
    }
  }
}

function isNews(before: MachineView, now: MachineView): boolean {
  return (
    before.presence !== now.presence ||
    before.reason !== now.reason ||
    before.card?.boot_id !== now.card?.boot_id ||
    before.card?.seq !== now.card?.seq
  );
}
