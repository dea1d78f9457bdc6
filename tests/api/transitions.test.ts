import { describe, expect, test } from '@jest/globals';
import { transitions, END_POSITION, positionOf, START_POSITION } from '../../api/watch/transitions.ts';
import type { Observation, TrackState } from '../../api/watch/observation.ts';
import { comparePositions, type EventPosition } from '../../contract/job-events.ts';

function seen(
  tracks: [activity: number, attempt: number, phase: 0 | 1 | 2][],
  more: Partial<Observation> = {},
): Observation {
  return {
    ended: false,
    tracks: tracks.map(([activity, attempt, phase]): TrackState => ({ activity, attempt, phase })),
    seq: 0,
    ...more,
  };
}

function at(activity: number, attempt: number, phase: 0 | 1 | 2, seq = 0): EventPosition {
  return { ended: 0, activity, attempt, phase, seq };
}

/** Transitions in short: activity.attempt.phase, the present one with a star. */
function told(last: EventPosition, observation: Observation): string[] {
  return transitions(last, observation).map(
    ({ position: p, present }) => `${p.activity}.${p.attempt}.${p.phase}${present ? '*' : ''}`,
  );
}

describe('transitions', () => {
  test.each<[string, EventPosition, Observation, string[]]>([
    ['nothing has changed', at(1, 1, 1), seen([[1, 1, 1]]), []],
    ['before the first activity', START_POSITION, seen([]), []],
    ['put into a queue', START_POSITION, seen([[1, 1, 0]]), ['1.1.0*']],
    ['queued and started between two looks', START_POSITION, seen([[1, 1, 1]]), ['1.1.0', '1.1.1*']],
    ['two attempts were missed', at(1, 1, 1), seen([[1, 3, 1]]), ['1.2.0', '1.2.1', '1.3.0', '1.3.1*']],
    ['waits for its second attempt', at(1, 1, 1), seen([[1, 2, 0]]), ['1.2.0*']],
    ['asked to cancel', at(1, 1, 1), seen([[1, 1, 2]]), ['1.1.2*']],
    ['started and asked to cancel', at(1, 1, 0), seen([[1, 1, 2]]), ['1.1.1', '1.1.2*']],
    [
      'went to another queue',
      at(1, 1, 0),
      seen([
        [1, 1, 0],
        [2, 1, 1],
      ]),
      ['2.1.0', '2.1.1*'],
    ],
    [
      'went round three queues',
      START_POSITION,
      seen([
        [1, 1, 0],
        [2, 1, 0],
        [3, 2, 1],
      ]),
      ['1.1.0', '2.1.0', '3.1.0', '3.1.1', '3.2.0', '3.2.1*'],
    ],
    ['a look older than what is known', at(1, 3, 1), seen([[1, 2, 1]]), []],
    [
      'the end: nothing is present any more',
      at(1, 1, 0),
      seen([[1, 2, 1]], { ended: true }),
      ['1.1.1', '1.2.0', '1.2.1'],
    ],
    ['ended without having been started', at(1, 1, 0), seen([[1, 1, 0]], { ended: true }), []],
  ])('%s', (_name, last, observation, expected) => {
    expect(told(last, observation)).toEqual(expected);
  });

  test('whatever was seen in between, the states told are the same', () => {
    const way: Observation[] = [
      seen([]),
      seen([[1, 1, 0]]),
      seen([[1, 1, 1]], { seq: 4 }),
      seen([[1, 2, 0]], { seq: 4 }),
      seen([[1, 2, 1]], { seq: 9 }),
      seen([
        [1, 2, 1],
        [2, 1, 0],
      ]),
      seen([
        [1, 2, 1],
        [2, 1, 2],
      ]),
    ];
    const all = told(START_POSITION, way.at(-1)!).map((one) => one.replace('*', ''));
    for (let skipped = 0; skipped < 1 << way.length; skipped++) {
      let last = START_POSITION;
      const states: string[] = [];
      for (const [index, look] of way.entries()) {
        if (skipped & (1 << index) && index < way.length - 1) continue;
        for (const { position } of transitions(last, look)) {
          expect(comparePositions(last, position)).toBeLessThan(0);
          states.push(`${position.activity}.${position.attempt}.${position.phase}`);
          last = position;
        }
        // Progress moves the position too.
        if (look.seq > last.seq && comparePositions(positionOf(look), last) > 0) last = { ...last, seq: look.seq };
      }
      expect(states).toEqual(all);
    }
  });

  test('the sequence number is the one known, and starts anew with another activity', () => {
    expect(transitions(at(1, 1, 1, 7), seen([[1, 2, 0]], { seq: 9 }))[0]?.position).toEqual(at(1, 2, 0, 7));
    const moved = seen([
      [1, 1, 1],
      [2, 1, 0],
    ]);
    expect(transitions(at(1, 1, 1, 7), moved)[0]?.position).toEqual(at(2, 1, 0, 0));
  });

  test('the end comes after everything', () => {
    expect(positionOf(seen([[9, 99, 2]], { ended: true }))).toEqual(END_POSITION);
    expect(comparePositions(at(999, 999, 2, 999_999), END_POSITION)).toBeLessThan(0);
  });
});
