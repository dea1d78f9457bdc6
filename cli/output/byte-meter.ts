import { blocks, showsUnicode } from '../watch/bar.ts';
import { LiveLine } from '../watch/live-line.ts';
import type { Session } from '../session.ts';
import { formatBytes } from './format.ts';
import { plain, truncate } from './text-width.ts';

export interface ByteMeter {
  add(bytes: number): void;
  stop(): void;
}

/** Transfers below this are over before anybody reads a meter. Bytes. */
const WORTH_SHOWING = 4_000_000;
const REDRAW_MS = 100;

/** How far a large transfer has come, on standard error where that is a terminal; nothing otherwise. */
export function createByteMeter({ terminal, json }: Session, what: string, total: number): ByteMeter {
  if (json || !terminal.stderr.isTTY || total < WORTH_SHOWING) return { add() {}, stop() {} };
  const line = new LiveLine(terminal.stderr);
  const unicode = showsUnicode(terminal.env);
  let done = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const render = () => {
    const percent = (done / total) * 100;
    const text = `${plain(what)}  ${blocks(percent, 20, unicode)}  ${Math.floor(percent)}%  ${formatBytes(done)} of ${formatBytes(total)}`;
    return truncate(text, line.columns - 1);
  };
  return {
    add(bytes) {
      done = Math.min(total, done + bytes);
      const now = performance.now();
      if (now - drawnAt < REDRAW_MS) return;
      drawnAt = now;
      line.show(render);
    },
    stop: () => line.stop(),
  };
}
