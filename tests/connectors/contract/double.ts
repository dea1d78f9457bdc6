/** Where a job can be, as the backend sees it. */
export type Stage =
  /** The submission has arrived and is not answered yet. */
  | 'submitting'
  /** The backend works; a little progress has been told, where it tells any. */
  | 'running'
  /** The work is done; the result (or the first output) has been asked for and is not answered, or is half sent. */
  | 'finishing';

/** What goes wrong at the backend, to order. `times`: how many requests it befalls. */
export type Fault =
  /** Submissions are refused with 429 and Retry-After, before they are taken. */
  | { kind: 'rate_limit'; retry_after_seconds: number; times: number }
  /** Submissions are refused with that status (500–599), before they are taken. */
  | { kind: 'server_error'; status: number; times: number }
  /** Nothing is answered any more, on no connection; all stay open, as with a stopped process. */
  | { kind: 'silence' }
  /** The connection of a submission is reset: before the backend has taken it, or after (the answer is lost). */
  | { kind: 'reset'; taken: boolean; times: number }
  /** While a job runs, whatever connection tells of it is cut: a WebSocket, an event stream, a poll. */
  | { kind: 'drop'; times: number }
  /** Outputs are of that size. */
  | { kind: 'huge'; bytes: number }
  /** The answer that is read for the result is no such thing: half a JSON document, a proxy's page, other types. */
  | { kind: 'malformed' };

/** A submission the backend has taken up: what a real one would have begun to work on and charge for. */
export interface TakenJob {
  /** The backend's id; empty where it gives none. */
  id: string;
  /** The text by which the test knows its job again; the double finds it in the payload. */
  marker: string;
}

/**
 * A backend that speaks the real protocol over real sockets and does what a test orders. Jobs take a moment and pass
 * through all stages by themselves, unless a stage is held. Counts live as long as the double.
 */
export interface BackendDouble {
  /** What goes into the connector's configuration; stays the same. */
  readonly url: string;
  /** Jobs that come to this stage wait there. In `running`, polls and streams are still answered. */
  hold(stage: Stage): void;
  /** Markers of the jobs that wait in this stage now. */
  held(stage: Stage): readonly string[];
  /** Lets jobs that wait go on, all or the one named, and holds no more of them. */
  release(marker?: string): void;
  order(fault: Fault): void;
  /** No holds and no faults any more; what waits goes on. */
  reset(): void;
  /** All jobs ever taken, in order. */
  taken(): readonly TakenJob[];
  /** Markers of the jobs that were stopped before their end: by a cancel request, or by hanging up where that is the way. */
  stopped(): readonly string[];
  /** `performance.now()` of every submission that arrived, taken or refused. */
  arrivals(): readonly number[];
  /** Bytes of outputs written to sockets so far. */
  bytesSent(): number;
  stop(): Promise<void>;
}
