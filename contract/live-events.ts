/**
 * What SSE and WebSocket subscribers of a job get beside its job events: what comes too fast for heartbeats, for whoever
 * watches now. Never a part of the result. Within one attempt `seq` rises; a new attempt begins with `reset`.
 */
export type LiveEvent =
  | (LiveEventBase & {
      type: 'token';
      /** Characters (UTF-16 code units) of the text before this piece. */
      position: number;
      /** One or more tokens: what came together is told together. */
      text: string;
    })
  | (LiveEventBase & {
      type: 'preview';
      /** 0-based, in the order the connector gave them. */
      index: number;
      mime: string;
      bytes: number;
      /** The picture as a data URL, where it does not follow in the same binary frame. */
      data_url?: string;
    })
  | (LiveEventBase & {
      type: 'reset';
      /** The text so far is void: another attempt has begun, or the same one writes its text anew. */
      reason: 'new_attempt' | 'started_again';
    })
  | (LiveEventBase & {
      type: 'dropped';
      /** Exactly what this subscriber will not get, since its last live event. */
      characters: number;
      previews: number;
    });

interface LiveEventBase {
  /** For `Last-Event-ID`: the place in the life of the job, and in the live channel. */
  id: string;
  job_id: string;
  attempt: number;
  /** Rises within an attempt; numbers that are left out were merged into one event, or told of by `dropped`. */
  seq: number;
}

/** One attempt's stream: later ones replace earlier ones. */
export interface LiveStreamKey {
  /** Temporal's activity id as a number: spill-over and escalation start another. */
  activity: number;
  attempt: number;
}

/** How far a subscriber has come in the live channel of a job. */
export interface LiveCursor extends LiveStreamKey {
  seq: number;
  /** End of the text it has. */
  characters: number;
  /** Previews it has had, or was told it will not get. */
  previews: number;
}

/** Negative when a is the earlier stream. */
export function compareStreams(a: LiveStreamKey, b: LiveStreamKey): number {
  return a.activity - b.activity || a.attempt - b.attempt;
}

/** Between the place in the life of a job and that in its live channel, in an event's id. */
const SEPARATOR = '~';

/** @param eventId id of the last job event @param cursor absent while nothing live has come */
export function joinEventId(eventId: string, cursor: LiveCursor | undefined): string {
  if (!cursor) return eventId;
  const { activity, attempt, seq, characters, previews } = cursor;
  return `${eventId}${SEPARATOR}${[activity, attempt, seq, characters, previews].join('-')}`;
}

/** Takes an event's id apart. A live part that is none of ours is left aside. */
export function splitEventId(id: string): { eventId: string; cursor?: LiveCursor } {
  const at = id.indexOf(SEPARATOR);
  if (at < 0) return { eventId: id };
  const eventId = id.slice(0, at);
  const live = id.slice(at + 1);
  if (!/^\d{1,9}-\d{1,9}(-\d{1,15}){3}$/.test(live)) return { eventId };
  const [activity, attempt, seq, characters, previews] = live.split('-').map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { eventId, cursor: { activity, attempt, seq, characters, previews } };
}
