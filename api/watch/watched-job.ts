import type { EventPosition } from '../../contract/job-events.ts';
import { comparePositions } from '../../contract/job-events.ts';
import type { JobView } from '../../contract/job-view.ts';
import { awaitEnd } from '../../platform/jobs/await-end.ts';
import type { StateHints } from '../../platform/jobs/job-state.ts';
import type { LiveJob } from '../../platform/jobs/live-job.ts';
import type { EventSink } from './event-sink.ts';
import { observe, observeEnd, trackOfHistory, type Observation, type TrackState } from './observation.ts';
import { Subscriber } from './subscriber.ts';
import { positionOf } from './transitions.ts';
import type { WatchContext } from './watch-context.ts';

/** A look at the job, with what was made of it. */
interface Look {
  live: LiveJob;
  observation: Observation;
}

/**
 * One job that somebody watches in this process: one poller and one long poll on its end for all its subscribers.
 * Starts working when it is made and stops by `stop()` or with the job.
 */
export class WatchedJob {
  readonly #jobId: string;
  readonly #context: WatchContext;
  readonly #stopped = new AbortController();
  readonly #subscribers = new Set<Subscriber>();
  readonly #first: Promise<Look | undefined>;
  #look: Look | undefined;
  /** The activities before the present one, and the present one as last seen. */
  #tracks: TrackState[] = [];
  #hints: StateHints = {};
  #finishing: Promise<void> | undefined;
  #finished: { observation: Observation; view: JobView } | undefined;
  /** The end cannot be read (any more). */
  #gone = false;
  #wake: (() => void) | undefined;

  constructor(jobId: string, context: WatchContext) {
    this.#jobId = jobId;
    this.#context = context;
    this.#first = this.#take();
    this.#first.then(
      (look) => look && this.#begin(look),
      () => undefined,
    );
  }

  /**
   * @returns the subscriber, to be handed to `unsubscribe`; undefined when there is no such job
   * @throws TemporalUnavailableError, TemporalBusyError from the first look
   */
  async subscribe(sink: EventSink, after: EventPosition | undefined): Promise<Subscriber | undefined> {
    if (!(await this.#first)) return undefined;
    let look = this.#look!;
    if (after && comparePositions(positionOf(look.observation), after) < 0) look = (await this.#take()) ?? look;
    if (look.live.workflow !== 'running') await this.#finish(look.live);
    const view = this.#finished?.view ?? (await this.#context.reader.viewOf(look.live));
    if (!view || this.#gone) return undefined;
    const subscriber = new Subscriber(this.#jobId, sink);
    subscriber.begin(this.#finished?.observation ?? look.observation, this.#finished?.view ?? view, after);
    if (this.#finished) subscriber.finish(this.#finished.observation, this.#finished.view);
    else if (this.#stopped.signal.aborted) subscriber.close('shutdown');
    else {
      this.#subscribers.add(subscriber);
      // What was seen while the view was read.
      subscriber.update(this.#look!.observation);
      this.#wake?.();
    }
    return subscriber;
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  stop(): void {
    this.#stopped.abort();
    this.#wake?.();
    for (const subscriber of this.#subscribers) subscriber.close('shutdown');
    this.#subscribers.clear();
  }

  #begin(look: Look): void {
    if (look.live.workflow !== 'running') void this.#finish(look.live);
    else {
      void this.#watchEnd(look.live);
      void this.#poll();
    }
  }

  async #take(): Promise<Look | undefined> {
    const { reader, queues } = this.#context;
    const live = await this.#context.look(() => reader.describe(this.#jobId));
    if (!live) return undefined;
    const run = this.#look?.live.runId;
    // A job started with the `temporal` CLI may be started again under its id: this watch is of the run it began with.
    if (run !== undefined && run !== live.runId)
      return { ...this.#look!, live: { ...this.#look!.live, workflow: 'completed' } };
    await this.#learnEarlier(live);
    const observation = observe(live, this.#tracks, queues, this.#hints);
    if (this.#look && comparePositions(positionOf(observation), positionOf(this.#look.observation)) < 0) {
      return live.workflow === 'running' ? this.#look : { ...this.#look, live };
    }
    this.#tracks = observation.tracks;
    this.#look = { live, observation };
    return this.#look;
  }

  /** The history tells how the activities went that came before the one now seen. */
  async #learnEarlier(live: LiveJob): Promise<void> {
    const present = live.activity?.number;
    if (this.#look && (present === undefined || present === this.#tracks.at(-1)?.activity)) return;
    const history = await this.#context.reader.history(live);
    if (!history) return;
    const plan = history.start.prepared?.plan;
    this.#hints = { unmatched: plan?.unmatched, needs: plan?.needs, firstQueue: plan?.routes[0]?.task_queue };
    this.#tracks = history.tracks.map(trackOfHistory);
  }

  async #poll(): Promise<void> {
    while (!this.#stopped.signal.aborted && !this.#finishing) {
      await this.#pause();
      await this.#context.gate.ready();
      if (this.#stopped.signal.aborted || this.#finishing) return;
      try {
        const look = await this.#take();
        if (!look || look.live.workflow !== 'running') await this.#finish((look ?? this.#look!).live);
        else for (const subscriber of this.#subscribers) subscriber.update(look.observation);
      } catch (error) {
        if (!this.#context.gate.report(error))
          this.#context.logger.error({ err: error, job_id: this.#jobId }, 'watching');
      }
    }
  }

  async #watchEnd(live: LiveJob): Promise<void> {
    const { client, gate, endPolls } = this.#context;
    if (!endPolls.take()) return;
    try {
      while (!this.#stopped.signal.aborted) {
        await gate.ready();
        try {
          if (await awaitEnd(client, live.workflowId, live.runId, this.#stopped.signal)) await this.#finish(live);
          return;
        } catch (error) {
          if (!gate.report(error)) {
            this.#context.logger.error({ err: error, job_id: this.#jobId }, 'waiting for the end');
            return;
          }
        }
      }
    } finally {
      endPolls.give();
    }
  }

  /** Reads the end and tells it to everybody, once. */
  #finish(live: LiveJob): Promise<void> {
    this.#finishing ??= this.#readEnd(live);
    return this.#finishing;
  }

  async #readEnd(live: LiveJob): Promise<void> {
    const { reader, gate, logger } = this.#context;
    // Without its activity: what a look before the end saw of it is history by now.
    const ended: LiveJob = {
      ...live,
      workflow: live.workflow === 'running' ? 'completed' : live.workflow,
      activity: undefined,
    };
    while (!this.#stopped.signal.aborted) {
      await gate.ready();
      try {
        const history = await reader.history(ended);
        const view = history?.end && (await reader.viewOf(ended));
        if (history && view) this.#tellEnd({ observation: observeEnd(history), view });
        else this.#giveUp();
        return;
      } catch (error) {
        if (gate.report(error)) continue;
        logger.error({ err: error, job_id: this.#jobId }, 'reading the end of a job');
        this.#giveUp();
        return;
      }
    }
  }

  #tellEnd(finished: { observation: Observation; view: JobView }): void {
    this.#finished = finished;
    for (const subscriber of this.#subscribers) subscriber.finish(finished.observation, finished.view);
    this.#close(finished.view);
  }

  #giveUp(): void {
    this.#gone = true;
    for (const subscriber of this.#subscribers) subscriber.close('gone');
    this.#close(undefined);
  }

  #close(view: JobView | undefined): void {
    this.#subscribers.clear();
    this.#stopped.abort();
    this.#wake?.();
    this.#context.closed(this, view);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#context.interval());
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
