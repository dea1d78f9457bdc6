import { describe, expect, test } from '@jest/globals';
import type { CloseReason, EventSink } from '../../api/watch/event-sink.ts';
import type { Observation, TrackState } from '../../api/watch/observation.ts';
import { Subscriber } from '../../api/watch/subscriber.ts';
import { parseEventId, type JobEvent } from '../../contract/job-events.ts';
import type { JobView } from '../../contract/job-view.ts';

/** A connection whose client reads when the test says so. */
class TestSink implements EventSink {
  readonly events: JobEvent[] = [];
  unread = 0;
  closed: CloseReason | undefined;
  send(event: JobEvent): void {
    this.events.push(event);
  }
  backlog(): number {
    return this.unread;
  }
  close(reason: CloseReason): void {
    this.closed = reason;
  }
  get short(): string[] {
    return this.events.map((event) =>
      event.type === 'progress'
        ? `${event.progress.percent} %`
        : event.type === 'state'
          ? `${event.status} ${event.attempt}`
          : event.type,
    );
  }
}

const view = { id: 'j' } as JobView;

function look(attempt: number, phase: TrackState['phase'], seq = 0, percent = 0, reason?: string): Observation {
  return {
    ended: false,
    tracks: [{ activity: 1, attempt, phase }],
    seq,
    state: { status: phase === 0 ? 'queued' : 'running', attempt, status_message: reason },
    progress: seq === 0 ? undefined : { seq, percent, updated_at: '2026-01-01T00:00:00.000Z' },
  };
}

function watching(first: Observation, after?: string): { sink: TestSink; subscriber: Subscriber } {
  const sink = new TestSink();
  const subscriber = new Subscriber('j', sink);
  subscriber.begin(first, view, after === undefined ? undefined : parseEventId(after));
  return { sink, subscriber };
}

describe('a subscriber', () => {
  test('is told the snapshot, then what changes, each once', () => {
    const { sink, subscriber } = watching(look(1, 0));
    for (let twice = 0; twice < 2; twice++) {
      subscriber.update(look(1, 1));
      subscriber.update(look(1, 1, 3, 10));
    }
    subscriber.update(look(2, 1, 5, 20));
    expect(sink.short).toEqual(['snapshot', 'running 1', '10 %', 'queued 2', 'running 2', '20 %']);
  });

  test('never sees progress fall', () => {
    const { sink, subscriber } = watching(look(1, 1));
    for (const [seq, percent] of [
      [1, 50],
      [2, 30],
      [3, 60],
    ] as const)
      subscriber.update(look(1, 1, seq, percent));
    expect(sink.short).toEqual(['snapshot', '50 %', '50 %', '60 %']);
  });

  test('hears why a job waits when the reason changes', () => {
    const { sink, subscriber } = watching(look(1, 0, 0, 0, 'no worker'));
    subscriber.update(look(1, 0, 0, 0, 'no worker'));
    subscriber.update(look(1, 0, 0, 0, 'all busy'));
    subscriber.update(look(1, 0, 0, 0, 'all busy'));
    expect(sink.short).toEqual(['snapshot', 'queued 1']);
    expect(sink.events[1]).toMatchObject({ status_message: 'all busy', id: sink.events[0]!.id });
  });

  test('that does not read gets the latest progress later, and no state less', () => {
    const { sink, subscriber } = watching(look(1, 0));
    sink.unread = 100_000;
    subscriber.update(look(1, 1, 1, 10));
    subscriber.update(look(1, 1, 2, 20));
    subscriber.update(look(2, 0, 3, 30));
    expect(sink.short).toEqual(['snapshot', 'running 1', 'queued 2']);
    sink.unread = 0;
    subscriber.update(look(2, 1, 4, 40));
    expect(sink.short).toEqual(['snapshot', 'running 1', 'queued 2', 'running 2', '40 %']);
    expect(sink.closed).toBeUndefined();
  });

  test('that reads nothing at all is dropped, and told nothing more', () => {
    const { sink, subscriber } = watching(look(1, 0));
    sink.unread = 5_000_000;
    subscriber.update(look(1, 1));
    expect(sink.closed).toBe('slow');
    subscriber.update(look(2, 1));
    subscriber.finish({ ended: true, tracks: [], seq: 0 }, view);
    expect(sink.short).toEqual(['snapshot', 'running 1']);
  });

  test('that comes back: the snapshot bears the id it knows, so that a cut before the rest loses nothing', () => {
    const { sink } = watching(look(3, 1, 9, 90), '0-1-1-1-4');
    expect(sink.short).toEqual(['snapshot', 'queued 2', 'running 2', 'queued 3', 'running 3', '90 %']);
    expect(sink.events.map((event) => event.id)).toEqual([
      '0-1-1-1-4',
      '0-1-2-0-4',
      '0-1-2-1-4',
      '0-1-3-0-4',
      '0-1-3-1-4',
      '0-1-3-1-9',
    ]);
  });

  test('with an id of another run starts anew', () => {
    expect(watching(look(1, 1, 2, 5), '0-7-1-1-4').sink.events.map((event) => event.id)).toEqual(['0-1-1-1-2']);
  });

  test('hears the end last, after what it missed', () => {
    const { sink, subscriber } = watching(look(1, 0));
    subscriber.finish({ ended: true, tracks: [{ activity: 1, attempt: 2, phase: 1 }], seq: 0 }, view);
    expect(sink.short).toEqual(['snapshot', 'running 1', 'queued 2', 'running 2', 'end']);
    expect(sink.closed).toBe('ended');
  });
});
