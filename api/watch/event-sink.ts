import type { JobEvent } from '../../contract/job-events.ts';

/** Why a stream of events closes. */
export type CloseReason = 'ended' | 'slow' | 'shutdown' | 'gone';

/** One subscriber's connection, SSE or WebSocket. None of these throws; all may be called after it has closed. */
export interface EventSink {
  send(event: JobEvent): void;
  /** Bytes written that the client has not taken yet. */
  backlog(): number;
  close(reason: CloseReason): void;
}
