import type { JobEvent } from '../../contract/job-events.ts';
import type { LiveEvent } from '../../contract/live-events.ts';
import type { WatchState } from './watch-state.ts';

/** Shows a job at work, in one of three ways: a bar on a terminal, lines in a pipe, JSON for a program. */
export interface Reporter {
  /** @param before the state before the event; undefined at the first one */
  update(event: JobEvent, state: WatchState, before: WatchState | undefined): void;
  /** What the job tells live: its text as it is written. */
  live(event: LiveEvent): void;
  /** Something beside the job: the API went away, the user interrupted. */
  notice(text: string): void;
  /** Nothing more will come; what was drawn for a moment goes. */
  close(): void;
}
