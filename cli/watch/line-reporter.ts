import { isTerminal } from '../../contract/job-view.ts';
import { ANY_POOL, UNMATCHED_POOL } from '../../contract/task-queues.ts';
import { clock, formatLeft } from '../output/format.ts';
import { plain } from '../output/text-width.ts';
import { note, say, type Terminal } from '../terminal.ts';
import { changesOf } from './changes.ts';
import type { Reporter } from './reporter.ts';
import { TextFlow, type FlowRow } from './text-flow.ts';
import { stepText, timeLeft, type WatchState } from './watch-state.ts';

/** Progress is told when it has gone this far, … */
const PERCENT_STEP = 5;
/** … or when this long has passed and there is anything new. Milliseconds. */
const QUIET_MS = 10_000;

/** For a pipe or a file: a line for every change of state, and for progress now and then. */
export function createLineReporter(terminal: Terminal): Reporter {
  let told = { percent: Number.NEGATIVE_INFINITY, at: 0, seq: -1 };
  const tell = (text: string) => say(terminal, `${clock(new Date())} ${text}`);
  const text = new TextFlow(() => Number.POSITIVE_INFINITY);
  const tellText = (rows: FlowRow[]) => {
    for (const row of rows) tell(row.kind === 'text' ? `| ${row.text}` : row.text);
  };
  return {
    update(event, state, before) {
      for (const change of changesOf(before, state)) tell(change.text);
      if (isTerminal(state.status)) return;
      if (state.status !== before?.status) tell(statusLine(state));
      const { progress } = state;
      if (event.type !== 'progress' || !progress || progress.seq === told.seq) return;
      const now = performance.now();
      if (progress.percent < told.percent + PERCENT_STEP && now - told.at < QUIET_MS) return;
      told = { percent: progress.percent, at: now, seq: progress.seq };
      tell(progressLine(state, now));
    },
    live: (event) => tellText(text.take(event)),
    notice: (words) => note(terminal, words),
    close: () => tellText(text.finish()),
  };
}

function statusLine(state: WatchState): string {
  const preposition = state.status === 'running' ? 'in' : 'for';
  const where = state.pool === UNMATCHED_POOL || state.pool === ANY_POOL ? '' : ` ${preposition} pool ${state.pool}`;
  return `${state.status}${where}${state.attempt > 1 ? `, attempt ${state.attempt}` : ''}`;
}

function progressLine(state: WatchState, now: number): string {
  const { progress } = state;
  if (!progress) return state.status;
  const left = timeLeft(state, now);
  return [
    `${Math.floor(progress.percent)}%`.padStart(4),
    plain(stepText(progress)),
    progress.message === progress.step ? '' : plain(progress.message ?? ''),
    left === undefined ? '' : `${formatLeft(left)} left`,
  ]
    .filter(Boolean)
    .join('  ');
}
