import { describe, expect, test } from '@jest/globals';
import type { JobEvent } from '../../contract/job-events.ts';
import type { LiveEvent } from '../../contract/live-events.ts';
import { createBarReporter } from '../../cli/watch/bar-reporter.ts';
import { createLineReporter } from '../../cli/watch/line-reporter.ts';
import { TextFlow } from '../../cli/watch/text-flow.ts';
import { applyEvent } from '../../cli/watch/watch-state.ts';
import { exampleJob } from './job-examples.ts';
import { recordedTerminal } from './terminal-double.ts';

const base = { id: '0-1-1-1-1~1-1-1-0-0', job_id: 'j', attempt: 1, seq: 1 };
const token = (text: string): LiveEvent => ({ ...base, type: 'token', position: 0, text });
const reset: LiveEvent = { ...base, type: 'reset', attempt: 2, reason: 'new_attempt' };
const dropped: LiveEvent = { ...base, type: 'dropped', characters: 12, previews: 0 };

function rows(columns: number, ...events: LiveEvent[]): string[] {
  const flow = new TextFlow(() => columns);
  return [...events.flatMap((event) => flow.take(event)), ...flow.finish()].map(({ text }) => text);
}

describe('text as it is written', () => {
  test('breaks where the text does and, on a terminal, at blanks before the edge', () => {
    expect(rows(Number.POSITIVE_INFINITY, token('one '), token('two\nthr'), token('ee'))).toEqual(['one two', 'three']);
    expect(rows(12, token('the quick brown fox'), token(' jumps\n\n  over'))).toEqual([
      'the quick',
      'brown fox',
      'jumps',
      '',
      '  over',
    ]);
    expect(rows(4, token('abcdefghij'))).toEqual(['abcd', 'efgh', 'ij']);
    expect(rows(4, token('漢字漢字'))).toEqual(['漢字', '漢字']);
  });

  test('a new attempt and what was missed are told; escape sequences are not', () => {
    expect(rows(80, token('a bad st'), reset, token('good'), dropped, token('\u001b[31mend'))).toEqual([
      'a bad st',
      'attempt 2 begins the text anew',
      'good',
      '12 characters of the text were missed',
      'end',
    ]);
  });
});

describe('watching a text job', () => {
  const snapshot: JobEvent = { type: 'snapshot', id: '0-1-1-1-0', job: exampleJob({ status: 'running' }) };
  const state = applyEvent(undefined, snapshot, 0)!;

  test('on a terminal the text stands above the bar and stays', () => {
    const terminal = recordedTerminal({ columns: 40, env: { NO_COLOR: '1' } });
    const reporter = createBarReporter(terminal);
    reporter.update(snapshot, state, undefined);
    for (const piece of ['Hello ', 'world, ', 'how are you on this fine ', 'day?\nBye']) reporter.live(token(piece));
    expect(terminal.out()).toMatch(/Bye\nrunning[^\n]*$/);
    reporter.close();
    const lines = terminal.out().split('\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: how the bar is taken away
    const kept = lines.map((line) => line.replace(/^.*\u001b\[J/s, ''));
    expect(kept).toEqual(expect.arrayContaining(['Hello world, how are you on this fine', 'day?', 'Bye']));
    expect(kept.at(-1)).toBe('');
  });

  test('in a pipe it comes by whole lines', () => {
    const terminal = recordedTerminal();
    const reporter = createLineReporter(terminal);
    reporter.update(snapshot, state, undefined);
    for (const piece of ['Hello ', 'world\nBy', 'e']) reporter.live(token(piece));
    expect(terminal.out()).not.toContain('| By');
    reporter.close();
    expect(terminal.out()).toMatch(/\| Hello world\n.*\| Bye\n$/);
  });
});
