import { isTerminal } from '../../contract/job-view.ts';
import type { Terminal } from '../terminal.ts';
import { renderBar, showsUnicode } from './bar.ts';
import { changesOf, type Change } from './changes.ts';
import { LiveLine } from './live-line.ts';
import type { Reporter } from './reporter.ts';
import { wrap } from '../output/text-width.ts';

/** How often the bar is drawn anew without news, for its clock. Milliseconds. */
const TICK = 1_000;

/** For a terminal: one bar that updates in place; failures and reasons to wait stay above it. */
export function createBarReporter(terminal: Terminal): Reporter {
  const { style } = terminal;
  const line = new LiveLine(terminal.stdout);
  const unicode = showsUnicode(terminal.env);
  let tick: NodeJS.Timeout | undefined;
  let render = () => '';
  const tell = (text: string, paint: (text: string) => string) => {
    for (const row of wrap(text, Math.max(20, line.columns - 1))) line.above(paint(row));
  };
  return {
    update(_event, state, before) {
      for (const change of changesOf(before, state)) tell(change.text, style[PAINT[change.kind]]);
      if (isTerminal(state.status)) return;
      render = () => renderBar(state, { width: line.columns, now: performance.now(), style, unicode });
      line.show(() => render());
      tick ??= setInterval(() => line.show(() => render()), TICK);
    },
    notice: (text) => tell(text, style.warn),
    close() {
      clearInterval(tick);
      line.stop();
    },
  };
}

const PAINT = { bad: 'bad', waiting: 'warn', info: 'dim' } as const satisfies Record<Change['kind'], string>;
