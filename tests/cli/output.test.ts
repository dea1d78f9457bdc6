import { describe, expect, test } from '@jest/globals';
import { formatAge, formatBytes, formatElapsed, formatLeft } from '../../cli/output/format.ts';
import { createStyle, showsColours } from '../../cli/output/style.ts';
import { formatTable, type Column } from '../../cli/output/table.ts';
import { pad, plain, truncate, widthOf, wrap } from '../../cli/output/text-width.ts';
import { resultSummary } from '../../cli/output/json-lines.ts';

const NO_STYLE = createStyle({}, { NO_COLOR: '1' });

describe('widths', () => {
  test.each([
    ['abc', 3],
    ['é', 1],
    ['e\u0301', 1],
    ['日本', 4],
    ['한글', 4],
    ['👍', 2],
    ['👩‍👩‍👧', 2],
    ['❤️', 2],
    ['\u200d', 0],
    ['\u001b[31mred\u001b[39m', 3],
    ['█░', 2],
  ])('%j takes %d columns', (text, width) => {
    expect(widthOf(text)).toBe(width);
  });

  test('cutting never makes a text wider than asked, and leaves no half characters', () => {
    expect(truncate('abcdef', 6)).toBe('abcdef');
    expect(truncate('abcdef', 4)).toBe('abc…');
    expect(truncate('日本語', 4)).toBe('日…');
    expect(truncate('👩‍👩‍👧👩‍👩‍👧', 3)).toBe('👩‍👩‍👧…');
    for (let width = 0; width < 12; width++)
      expect(widthOf(truncate('a日b👍ce\u0301x日本', width))).toBeLessThanOrEqual(width);
  });

  test('filling counts columns, not characters', () => {
    expect(pad('日', 4)).toBe('日  ');
    expect(pad('7', 3, 'right')).toBe('  7');
  });

  test('wrapping keeps to the width and loses no word', () => {
    expect(wrap('one two  three\nfour', 8)).toEqual(['one two', 'three', 'four']);
    expect(wrap('incomprehensibilities x', 5)).toEqual(['incomprehensibilities', 'x']);
  });
});

describe('text of others', () => {
  test.each([
    ['\u001b[2J\u001b[1;31mgone', 'gone'],
    ['\u001b]0;title\u0007x', 'x'],
    ['\u001b]8;;http://evil\u001b\\click', 'click'],
    ['a\r\nb\tc', 'a b c'],
    ['bell\u0007', 'bell '],
    ['right \u202eto left', 'right  to left'],
    ['\u009b31mx', ' 31mx'],
  ])('%j is harmless', (hostile, harmless) => {
    expect(plain(hostile)).toBe(harmless);
  });
});

describe('colours', () => {
  test.each<[string, { isTTY?: boolean }, NodeJS.ProcessEnv, boolean]>([
    ['a terminal', { isTTY: true }, {}, true],
    ['a pipe', {}, {}, false],
    ['NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, false],
    ['an empty NO_COLOR', { isTTY: true }, { NO_COLOR: '' }, true],
    ['TERM=dumb', { isTTY: true }, { TERM: 'dumb' }, false],
    ['FORCE_COLOR in a pipe', {}, { FORCE_COLOR: '1' }, true],
    ['FORCE_COLOR over NO_COLOR', {}, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
    ['FORCE_COLOR=0', { isTTY: true }, { FORCE_COLOR: '0' }, false],
  ])('%s', (_what, stream, env, shown) => {
    expect(showsColours(stream, env)).toBe(shown);
    expect(createStyle(stream, env).bad('x') === 'x').toBe(!shown);
  });
});

describe('tables', () => {
  interface Row {
    id: string;
    text: string;
    extra: string;
  }
  const columns: Column<Row>[] = [
    { title: 'ID', value: (row) => row.id },
    { title: 'TEXT', value: (row) => row.text, shrinksTo: 6 },
    { title: 'EXTRA', value: (row) => row.extra, droppable: 1 },
  ];
  const rows: Row[] = [
    { id: '01jd8zq3x5k7m9p2r4t6v8w0ya', text: 'a rather long text about it', extra: 'more' },
    { id: 'b', text: 'short', extra: '' },
  ];

  test('fits the terminal: texts shrink first, then columns go, ids stay whole', () => {
    for (const width of [30, 34, 40, 60, 100]) {
      const lines = formatTable(rows, columns, NO_STYLE, width);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(Math.max(width, 34));
      expect(lines[1]).toContain('01jd8zq3x5k7m9p2r4t6v8w0ya');
    }
    expect(formatTable(rows, columns, NO_STYLE, 34)[0]).not.toContain('EXTRA');
    expect(formatTable(rows, columns, NO_STYLE, 45)[0]).toContain('EXTRA');
  });

  test('nothing is cut in a pipe', () => {
    expect(formatTable(rows, columns, NO_STYLE)[1]).toBe(
      '01jd8zq3x5k7m9p2r4t6v8w0ya  a rather long text about it  more',
    );
  });

  test('a column with nothing in it takes no room', () => {
    const bare = rows.map((row) => ({ ...row, extra: '' }));
    expect(formatTable(bare, columns, NO_STYLE)[0]).toBe('ID                          TEXT');
  });

  test('hostile cells stay in their cell', () => {
    const [, line] = formatTable([{ id: 'x', text: 'a\nb\u001b[2J', extra: '' }], columns, NO_STYLE);
    expect(line).toBe('x   a b');
  });
});

describe('numbers for people', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1 kB'],
    [12_400_000, '12.4 MB'],
    [999_999, '1 MB'],
    [5_368_709_120, '5.4 GB'],
  ])('%d bytes', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [-5, '0.0s'],
    [420, '0.4s'],
    [12_000, '12s'],
    [59_600, '1m 00s'],
    [185_000, '3m 05s'],
    [7_440_000, '2h 04m'],
    [90_000_000, '1d 1h'],
  ])('%d ms', (ms, text) => expect(formatElapsed(ms)).toBe(text));

  test('a countdown never shows less than there is', () => {
    expect(formatLeft(11_001)).toBe('12s');
    expect(formatLeft(-1)).toBe('0s');
  });

  test('ages', () => {
    const now = Date.parse('2026-01-31T12:00:00Z');
    expect(formatAge('2026-01-31T11:59:48Z', now)).toBe('12s ago');
    expect(formatAge('2026-01-31T12:00:01Z', now)).toBe('now');
    expect(formatAge('nonsense', now)).toBe('');
  });

  test('a result in one line', () => {
    expect(resultSummary({ scale: 4, name: 'x', list: [1] }, 80)).toBe('scale 4, name x');
    expect(resultSummary(null, 80)).toBe('');
    expect(resultSummary('a\u001b[31mb', 80)).toBe('ab');
  });
});
