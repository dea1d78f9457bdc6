import type { JobEvent } from '../../contract/job-events.ts';
import type { LiveEvent } from '../../contract/live-events.ts';
import type { LiveBudget } from './live-budget.ts';

/** Why a stream of events closes. */
export type CloseReason = 'ended' | 'slow' | 'shutdown' | 'gone';

/** One subscriber's connection, SSE or WebSocket. None of these throws; all may be called after it has closed. */
export interface EventSink {
  send(event: JobEvent): void;
  /** Bytes written that the client has not taken yet, those of live events aside. */
  backlog(): number;
  close(reason: CloseReason): void;
}

/** A connection that carries the live channel too. */
export interface LiveEventSink extends EventSink {
  readonly budget: LiveBudget;
  /** @param picture of a preview */
  sendLive(event: LiveEvent, picture?: Buffer): void;
}
