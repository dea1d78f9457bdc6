import type { LiveEvent } from '../../contract/live-events.ts';
import { plain, widthOf } from '../output/text-width.ts';

/** A row of the text, or a remark about it. */
export interface FlowRow {
  kind: 'text' | 'remark';
  text: string;
}

/** Turns a job's text, as it is written, into rows for a terminal or a pipe. */
export class TextFlow {
  readonly #columns: () => number;
  #line = '';

  /** @param columns of a row; `Infinity` breaks only where the text does */
  constructor(columns: () => number) {
    this.#columns = columns;
  }

  /** The row that is still being written. */
  get line(): string {
    return this.#line;
  }

  /** @returns the rows that are finished by it */
  take(event: LiveEvent): FlowRow[] {
    switch (event.type) {
      case 'token':
        return this.#write(event.text);
      case 'reset': {
        const why = event.reason === 'new_attempt' ? `attempt ${event.attempt}` : 'the backend';
        return [...this.finish(), { kind: 'remark', text: `${why} begins the text anew` }];
      }
      case 'dropped':
        if (event.characters === 0) return [];
        return [...this.finish(), { kind: 'remark', text: `${event.characters} characters of the text were missed` }];
      case 'preview':
        return [];
      default:
        return event satisfies never;
    }
  }

  /** Nothing more comes: what is left is a row. */
  finish(): FlowRow[] {
    const rows: FlowRow[] = this.#line === '' ? [] : [{ kind: 'text', text: this.#line }];
    this.#line = '';
    return rows;
  }

  #write(text: string): FlowRow[] {
    const rows: FlowRow[] = [];
    const pieces = text.split(/\r?\n/);
    for (const [index, piece] of pieces.entries()) {
      this.#line += plain(piece);
      while (widthOf(this.#line) > this.#columns()) rows.push({ kind: 'text', text: this.#breakOff() });
      if (index === pieces.length - 1) continue;
      rows.push({ kind: 'text', text: this.#line });
      this.#line = '';
    }
    return rows;
  }

  /** The longest beginning of the line that fits a row, up to a blank where there is one. */
  #breakOff(): string {
    const columns = Math.max(1, this.#columns());
    let end = 0;
    let width = 0;
    let blank = 0;
    for (const character of this.#line) {
      width += widthOf(character);
      if (width > columns && end > 0) break;
      end += character.length;
      if (character === ' ') blank = end;
    }
    const cut = blank > 0 ? blank : end;
    const row = this.#line.slice(0, cut).trimEnd();
    this.#line = this.#line.slice(cut);
    return row;
  }
}
