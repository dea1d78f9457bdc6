import { widthOf } from '../output/text-width.ts';
import type { OutputStream } from '../terminal.ts';

const CLEAR_BELOW = '\u001b[J';
const DEFAULT_COLUMNS = 80;

/**
 * One line (or a few) at the foot of a terminal that is drawn anew in place; other lines scroll by above it. Follows the
 * terminal's size.
 */
export class LiveLine {
  readonly #out: OutputStream;
  #drawn = '';
  #redraw: (() => void) | undefined;

  constructor(out: OutputStream) {
    this.#out = out;
  }

  get columns(): number {
    return this.#out.columns || DEFAULT_COLUMNS;
  }

  /** Draws what `render` gives now, and again whenever the terminal is resized. */
  show(render: () => string): void {
    if (!this.#redraw) {
      this.#redraw = () => this.#draw(render());
      this.#out.on('resize', this.#redraw);
    }
    this.#draw(render());
  }

  /** Puts a line above the live one, for good. */
  above(line: string): void {
    this.#out.write(`${this.#erasure()}${line}\n${this.#drawn}`);
  }

  /** Takes the live line away. */
  stop(): void {
    if (this.#redraw) this.#out.off('resize', this.#redraw);
    this.#redraw = undefined;
    this.#out.write(this.#erasure());
    this.#drawn = '';
  }

  #draw(line: string): void {
    if (line === this.#drawn) return;
    this.#out.write(this.#erasure() + line);
    this.#drawn = line;
  }

  /** A narrower terminal has wrapped what was drawn over several rows: all of them go. */
  #erasure(): string {
    if (this.#drawn === '') return '';
    const rows = this.#drawn
      .split('\n')
      .reduce((sum, row) => sum + Math.max(1, Math.ceil(widthOf(row) / this.columns)), 0);
    return `\r${rows > 1 ? `\u001b[${rows - 1}A` : ''}${CLEAR_BELOW}`;
  }
}
