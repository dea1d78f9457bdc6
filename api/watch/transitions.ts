import { comparePositions, type EventPosition } from '../../contract/job-events.ts';
import type { Observation, TrackState } from './observation.ts';

/** Every end is the last event of its job, whatever came before. */
export const END_POSITION: EventPosition = { ended: 1, activity: 0, attempt: 0, phase: 0, seq: 0 };

export const START_POSITION: EventPosition = { ended: 0, activity: 0, attempt: 0, phase: 0, seq: 0 };

/** The place of an observation in the job's life. */
export function positionOf(observation: Observation): EventPosition {
  if (observation.ended) return END_POSITION;
  const track = observation.tracks.at(-1);
  return track ? { ended: 0, ...track, seq: observation.seq } : START_POSITION;
}

/** A state the job has entered, and whether it is in it now. */
export interface Transition {
  position: EventPosition;
  present: boolean;
}

/**
 * Every state that lies between a position and what is seen now, the present one included: what happened between two
 * looks is put together from what must have happened. An attempt that runs was queued before; an attempt with a number
 * over one follows others that ran.
 * @param last what a subscriber knows already
 * @returns in order; their sequence number is the one last known, since progress is told by itself
 */
export function transitions(last: EventPosition, observation: Observation): Transition[] {
  const end = observation.tracks.length - 1;
  const found: Transition[] = [];
  observation.tracks.forEach((track, index) => {
    for (const state of statesOf(track)) {
      const position: EventPosition = { ended: 0, ...state, seq: last.activity === state.activity ? last.seq : 0 };
      if (comparePositions({ ...position, seq: 0 }, { ...last, seq: 0 }) <= 0) continue;
      const present =
        !observation.ended && index === end && state.attempt === track.attempt && state.phase === track.phase;
      found.push({ position, present });
    }
  });
  return found;
}

function statesOf(track: TrackState): TrackState[] {
  const states: TrackState[] = [];
  for (let attempt = 1; attempt <= track.attempt; attempt++) {
    const reached = attempt < track.attempt ? 1 : track.phase;
    for (const phase of [0, 1, 2] as const) {
      if (phase <= reached) states.push({ activity: track.activity, attempt, phase });
    }
  }
  return states;
}
