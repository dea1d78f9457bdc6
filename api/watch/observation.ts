import type { EventPosition } from '../../contract/job-events.ts';
import type { ProgressView } from '../../contract/job-view.ts';
import { progressView } from '../../platform/jobs/build-view.ts';
import type { ActivityTrack, JobHistory } from '../../platform/jobs/job-history.ts';
import { stateOf, type JobState, type QueueLookup, type StateHints } from '../../platform/jobs/job-state.ts';
import type { LiveActivity, LiveJob } from '../../platform/jobs/live-job.ts';

/** How far one `processJob` of a job has come. */
export interface TrackState {
  activity: number;
  attempt: number;
  phase: EventPosition['phase'];
}

/** What one look tells: the way of the job so far, and where it is. */
export interface Observation {
  ended: boolean;
  /** In order; the last one is the present. Empty before the first activity. */
  tracks: TrackState[];
  /** The activity's sequence number; 0 while it has reported nothing. */
  seq: number;
  /** The present state, for the last transition; absent when the job has ended. */
  state?: JobState;
  progress?: ProgressView;
}

/**
 * A look at a job that goes on.
 * @param earlier what is known of its activities before the present one
 */
export function observe(
  live: LiveJob,
  earlier: readonly TrackState[],
  queues: QueueLookup,
  hints: StateHints = {},
): Observation {
  const { activity } = live;
  const tracks = activity
    ? [...earlier.filter((track) => track.activity < activity.number), trackOfActivity(activity)]
    : [...earlier];
  return {
    ended: false,
    tracks,
    seq: activity?.progress?.seq ?? 0,
    // Between two activities: one that nobody took leads to another queue, one that ran to the job's end.
    state: stateOf(live, queues, activity ? hints : { ...hints, afterActivity: (tracks.at(-1)?.phase ?? 0) > 0 }),
    progress: progressView(activity?.progress),
  };
}

/** The way of a finished job. */
export function observeEnd(history: JobHistory): Observation {
  return { ended: true, tracks: history.tracks.map(trackOfHistory), seq: 0 };
}

export function trackOfHistory(track: ActivityTrack): TrackState {
  const started = track.attempts > 0;
  return {
    activity: track.number,
    attempt: Math.max(1, track.attempts),
    phase: started ? (track.cancelAsked ? 2 : 1) : 0,
  };
}

function trackOfActivity(activity: LiveActivity): TrackState {
  const phase = { scheduled: 0, paused: 0, started: 1, cancel_requested: 2 } as const;
  return { activity: activity.number, attempt: activity.attempt, phase: phase[activity.state] };
}
