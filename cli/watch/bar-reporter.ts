import { isTerminal } from '../../contract/job-view.ts';
import type { Terminal } from '../terminal.ts';
import { renderBar, showsUnicode } from './bar.ts';
import { changesOf, type Change } from './changes.ts';
import { LiveLine } from './live-line.ts';
import { TextFlow, type FlowRow } from './text-flow.ts';
import type { Reporter } from './reporter.ts';
import { wrap } from '../output/text-width.ts';

/** How often the bar is drawn anew without news, for its clock. Milliseconds. */
const TICK = 1_000;

/** For a terminal: one bar that updates in place; the job's text, failures and reasons to wait stay above it. */
export function createBarReporter(terminal: Terminal): Reporter {
  const { style } = terminal;
  const line = new LiveLine(terminal.stdout);
  const unicode = showsUnicode(terminal.env);
  let tick: NodeJS.Timeout | undefined;
  let render = () => '';
  const flow = new TextFlow(() => Math.max(20, line.columns - 1));
  const foot = () => (flow.line === '' ? render() : `${flow.line}\n${render()}`);
  const tellText = (rows: FlowRow[]) => {
    for (const row of rows) line.above(row.kind === 'text' ? row.text : style.warn(row.text));
  };
  const tell = (text: string, paint: (text: string) => string) => {
    for (const row of wrap(text, Math.max(20, line.columns - 1))) line.above(paint(row));
  };
  return {
    update(_event, state, before) {
      for (const change of changesOf(before, state)) tell(change.text, style[PAINT[change.kind]]);
      if (isTerminal(state.status)) return;
      render = () => renderBar(state, { width: line.columns, now: performance.now(), style, unicode });
      line.show(foot);
      tick ??= setInterval(() => line.show(foot), TICK);
    },
    live(event) {
      tellText(flow.take(event));
      line.show(foot);
    },
    notice: (words) => tell(words, style.warn),
    close() {
      clearInterval(tick);
      tellText(flow.finish());
      line.stop();
    },
  };
}

const PAINT = { bad: 'bad', waiting: 'warn', info: 'dim' } as const satisfies Record<Change['kind'], string>;
