import { comparePositions, type EventPosition, type JobEvent } from '../../contract/job-events.ts';
import type { JobView } from '../../contract/job-view.ts';
import type { JobState } from '../../platform/jobs/job-state.ts';
import { endEvent, progressEvent, snapshotEvent, stateEvent } from './event-of.ts';
import type { CloseReason, EventSink } from './event-sink.ts';
import type { Observation } from './observation.ts';
import { END_POSITION, positionOf, START_POSITION, transitions } from './transitions.ts';

/** Over this much unread, progress is held back: the next look tells the latest anyway. Bytes. */
const HOLD_PROGRESS = 64 * 1_024;
/** Over this much unread the subscriber is dropped: state changes are never left out. Bytes. */
const DROP = 4 * 1_024 * 1_024;

/**
 * What one subscriber knows of one job, and what it is told next. `snapshot` first, `end` last, between them every
 * state change; progress is merged and never falls.
 */
export class Subscriber {
  readonly #jobId: string;
  readonly #sink: EventSink;
  #position: EventPosition = START_POSITION;
  #percent = 0;
  #reason = '';
  #open = true;

  constructor(jobId: string, sink: EventSink) {
    this.#jobId = jobId;
    this.#sink = sink;
  }

  /**
   * @param after the last event the subscriber has seen: what happened since follows the snapshot, whose id is that
   *   same one, so that a connection cut in between loses nothing
   */
  begin(observation: Observation, view: JobView, after?: EventPosition): void {
    const now = positionOf(observation);
    // An id ahead of a fresh look is of another run of this job.
    const known = after && comparePositions(after, now) <= 0 ? after : undefined;
    this.#position = known ?? now;
    this.#percent = view.progress?.percent ?? 0;
    this.#reason = reasonOf(observation.state);
    this.#send(snapshotEvent(this.#position, view));
    this.update(observation);
  }

  update(observation: Observation): void {
    if (!this.#open) return;
    let told = false;
    for (const { position, present } of transitions(this.#position, observation)) {
      this.#send(stateEvent(this.#jobId, position, present ? observation.state : undefined));
      this.#position = position;
      told ||= present;
    }
    if (this.#isAt(observation)) {
      this.#tellReason(observation, told);
      this.#tellProgress(observation);
    }
  }

  finish(observation: Observation, view: JobView): void {
    this.update(observation);
    this.#send(endEvent(END_POSITION, view));
    this.close('ended');
  }

  close(reason: CloseReason): void {
    if (!this.#open) return;
    this.#open = false;
    this.#sink.close(reason);
  }

  /** An observation may be older than what a subscriber knows from another API process. */
  #isAt(observation: Observation): boolean {
    const now = positionOf(observation);
    return comparePositions({ ...now, seq: 0 }, { ...this.#position, seq: 0 }) === 0;
  }

  #tellReason({ state }: Observation, told: boolean): void {
    const reason = reasonOf(state);
    if (!told && state && reason !== this.#reason) this.#send(stateEvent(this.#jobId, this.#position, state));
    this.#reason = reason;
  }

  #tellProgress({ progress, seq }: Observation): void {
    if (!progress || seq <= this.#position.seq || this.#sink.backlog() > HOLD_PROGRESS) return;
    this.#position = { ...this.#position, seq };
    this.#percent = Math.max(this.#percent, progress.percent);
    this.#send(progressEvent(this.#jobId, this.#position, { ...progress, percent: this.#percent }));
  }

  #send(event: JobEvent): void {
    if (!this.#open) return;
    this.#sink.send(event);
    if (this.#sink.backlog() > DROP) this.close('slow');
  }
}

function reasonOf(state: JobState | undefined): string {
  return `${state?.status_reason ?? ''} ${state?.status_message ?? ''}`;
}
