import type { Client } from '@temporalio/client';
import pLimit from 'p-limit';
import type { EventPosition } from '../../contract/job-events.ts';
import type { JobView } from '../../contract/job-view.ts';
import type { JobReader } from '../../platform/jobs/job-reader.ts';
import type { QueueLookup } from '../../platform/jobs/job-state.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { EventSink } from './event-sink.ts';
import type { Subscriber } from './subscriber.ts';
import { TemporalGate } from './temporal-gate.ts';
import { Slots, type WatchContext } from './watch-context.ts';
import { WatchedJob } from './watched-job.ts';

export interface WatchHubOptions {
  client: Client;
  reader: JobReader;
  queues: QueueLookup;
  logger: Logger;
  /** Told of every look at a watched job. */
  onLook?(): void;
  /** Told of every end that was seen by a watcher. */
  onEnd?(view: JobView): void;
}

/** Pause between two looks at a job while few are watched. Milliseconds. */
const LOOK_EVERY_MS = 400;
/** Looks per second over all watched jobs; one costs the server about 2 ms of a core. */
const LOOKS_PER_SECOND = 100;
const LOOKS_AT_A_TIME = 32;
/** Temporal takes 1,200 long polls in all per namespace, the workers' included. */
const END_POLLS = 300;

/** A subscription that can be ended. */
export interface Subscription {
  end(): void;
}

/** Everything that is watched in this process: each job once, however many watch it. */
export class WatchHub {
  readonly #watched = new Map<string, WatchedJob>();
  readonly #context: WatchContext;
  readonly #limit = pLimit(LOOKS_AT_A_TIME);
  /** Subscriptions under way, so that a watch is not stopped while somebody is joining it. */
  readonly #joining = new Map<WatchedJob, number>();

  constructor(options: WatchHubOptions) {
    const { client, reader, queues, logger } = options;
    this.#context = {
      ...{ client, reader, queues, logger },
      gate: new TemporalGate(client, logger),
      look: (call) => {
        options.onLook?.();
        return this.#limit(call);
      },
      // Jittered, so that watchers that came together do not ask together for ever.
      interval: () =>
        Math.max(LOOK_EVERY_MS, (this.#watched.size / LOOKS_PER_SECOND) * 1_000) * (0.9 + Math.random() * 0.2),
      endPolls: new Slots(END_POLLS),
      closed: (watched, view) => {
        for (const [jobId, one] of this.#watched) if (one === watched) this.#watched.delete(jobId);
        if (view) options.onEnd?.(view);
      },
    };
  }

  /** Jobs watched now. */
  get size(): number {
    return this.#watched.size;
  }

  /**
   * Feeds a sink with the events of a job until its end.
   * @param after the last event the subscriber has seen
   * @returns undefined when there is no such job
   * @throws TemporalUnavailableError, TemporalBusyError
   */
  async subscribe(jobId: string, sink: EventSink, after?: EventPosition): Promise<Subscription | undefined> {
    const watched = this.#watched.get(jobId) ?? new WatchedJob(jobId, this.#context);
    this.#watched.set(jobId, watched);
    this.#joining.set(watched, (this.#joining.get(watched) ?? 0) + 1);
    let subscriber: Subscriber | undefined;
    try {
      subscriber = await watched.subscribe(sink, after);
    } finally {
      const joining = this.#joining.get(watched)! - 1;
      if (joining > 0) this.#joining.set(watched, joining);
      else this.#joining.delete(watched);
      this.#release(jobId, watched);
    }
    if (!subscriber) return undefined;
    const member = subscriber;
    return {
      end: () => {
        watched.unsubscribe(member);
        this.#release(jobId, watched);
      },
    };
  }

  /** Ends every subscription. */
  close(): void {
    this.#context.gate.close();
    for (const watched of this.#watched.values()) watched.stop();
    this.#watched.clear();
  }

  #release(jobId: string, watched: WatchedJob): void {
    if (watched.subscribers > 0 || this.#joining.has(watched)) return;
    watched.stop();
    if (this.#watched.get(jobId) === watched) this.#watched.delete(jobId);
  }
}
