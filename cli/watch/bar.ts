import type { Style } from '../output/style.ts';
import { formatElapsed, formatLeft } from '../output/format.ts';
import { plain, truncate, widthOf } from '../output/text-width.ts';
import { reasonText, stepText, timeLeft, type WatchState } from './watch-state.ts';

export interface BarOptions {
  /** Columns of the terminal. The line takes at most one less, so that no terminal wraps it. */
  width: number;
  /** The same clock as the state's. Milliseconds. */
  now: number;
  style: Style;
  /** Block characters, or `#` and `-`. */
  unicode: boolean;
}

interface Part {
  text: string;
  paint?: (text: string) => string;
}

const GAP = '  ';
const BAR_LEAST = 8;
const BAR_MOST = 30;
const MESSAGE_LEAST = 8;

/**
 * The one line that shows a job at work. Parts that do not fit are left out, the least important first; the message
 * takes what room there is.
 */
export function renderBar(state: WatchState, options: BarOptions): string {
  const { style, now } = options;
  const room = Math.max(10, options.width - 1);
  const { progress } = state;
  const label: Part = { text: labelOf(state), paint: (text) => style.status(state.status, text) };
  const waiting = state.status === 'queued';
  const percent: Part | undefined = progress && {
    text: `${Math.floor(progress.percent)}%`.padStart(4),
    paint: style.bold,
  };
  const left = timeLeft(state, now);
  // In order of importance: the last ones go first.
  const extras: Part[] = [
    waiting ? { text: `waiting ${formatElapsed(now - state.since)}`, paint: style.dim } : undefined,
    left === undefined ? undefined : { text: `${formatLeft(left)} left` },
    progress && stepText(progress) ? { text: plain(stepText(progress)) } : undefined,
    state.attempt > 1 ? { text: `attempt ${state.attempt}`, paint: style.warn } : undefined,
  ].filter((part) => part !== undefined);
  const fixed = [label, ...(percent ? [percent] : [])];
  const least = percent ? BAR_LEAST + GAP.length : 0;
  while (extras.length > 0 && lengthOf([...fixed, ...extras]) + least > room) extras.pop();
  let spare = room - lengthOf([...fixed, ...extras]);
  let bar: Part | undefined;
  if (percent && spare >= least) {
    const size = Math.min(BAR_MOST, Math.max(BAR_LEAST, Math.floor((spare - GAP.length) / 2)));
    bar = {
      text: blocks(progress?.percent ?? 0, size, options.unicode),
      paint: (text) => style.status(state.status, text),
    };
    spare -= size + GAP.length;
  }
  const message = plain(messageOf(state)).trim();
  const parts = [label, ...(bar ? [bar] : []), ...(percent ? [percent] : []), ...extras];
  if (message && spare >= MESSAGE_LEAST + GAP.length) {
    parts.push({ text: truncate(message, spare - GAP.length), paint: style.dim });
  }
  // Only in a very narrow terminal is the label alone too long.
  if (lengthOf(parts) > room) return truncate(parts.map((part) => part.text).join(GAP), room);
  return parts.map(({ text, paint }) => (paint ? paint(text) : text)).join(GAP);
}

function labelOf(state: WatchState): string {
  if (state.reason === 'cancel_requested') return 'cancelling';
  return state.status;
}

function messageOf(state: WatchState): string {
  // The whole reason stands above the bar, for good.
  if (state.status === 'queued') return state.reason ? reasonText(state.reason) : '';
  const message = state.progress?.message ?? '';
  return message === state.progress?.step ? '' : message;
}

function lengthOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { text }) => sum + widthOf(text), GAP.length * (parts.length - 1));
}

/** @param percent 0–100 */
export function blocks(percent: number, size: number, unicode: boolean): string {
  const done = Math.floor((Math.min(100, Math.max(0, percent)) / 100) * size);
  return (unicode ? '█' : '#').repeat(done) + (unicode ? '░' : '-').repeat(size - done);
}

/** Whether the terminal can be expected to show block characters: only a locale or a terminal that says no, says no. */
export function showsUnicode(env: NodeJS.ProcessEnv): boolean {
  if (env['TERM'] === 'linux' || env['TERM'] === 'dumb') return false;
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'];
  return !locale || /utf-?8/i.test(locale);
}
