import { describe, expect, test } from '@jest/globals';
import type { JobEvent } from '../../contract/job-events.ts';
import { createStyle } from '../../cli/output/style.ts';
import { widthOf } from '../../cli/output/text-width.ts';
import { blocks, renderBar, showsUnicode } from '../../cli/watch/bar.ts';
import { changesOf } from '../../cli/watch/changes.ts';
import { createLineReporter } from '../../cli/watch/line-reporter.ts';
import { LiveLine } from '../../cli/watch/live-line.ts';
import { applyEvent, timeLeft, type WatchState } from '../../cli/watch/watch-state.ts';
import { exampleJob, exampleProgress } from './job-examples.ts';
import { recordedTerminal } from './terminal-double.ts';

const PLAIN = createStyle({}, { NO_COLOR: '1' });
const COLOURED = createStyle({}, { FORCE_COLOR: '1' });

/** The state after a snapshot and these events, with the clock standing still. */
function stateAfter(job: Parameters<typeof exampleJob>[0], ...events: JobEvent[]): WatchState {
  const snapshot: JobEvent = { type: 'snapshot', id: '0-0-0-0-0', job: exampleJob(job) };
  const state = [snapshot, ...events].reduce<WatchState | undefined>((s, event) => applyEvent(s, event, 0), undefined);
  if (!state) throw new Error('no state');
  return state;
}

function progress(seq: number, percent: number, attempt = 1): JobEvent {
  return {
    type: 'progress',
    id: `0-1-${attempt}-1-${seq}`,
    job_id: 'x',
    attempt,
    progress: exampleProgress({ seq, percent }),
  };
}

describe('the state of a watched job', () => {
  test('progress never falls, whatever comes after a reconnection', () => {
    const state = stateAfter({}, progress(5, 60), progress(3, 30));
    expect(state.progress).toMatchObject({ seq: 5, percent: 60 });
    const next = applyEvent(state, progress(6, 40, 2), 0);
    expect(next?.progress).toMatchObject({ seq: 6, percent: 60 });
    const snapshot = applyEvent(
      next,
      { type: 'snapshot', id: 'x', job: exampleJob({ progress: exampleProgress({ seq: 2 }) }) },
      0,
    );
    expect(snapshot?.progress).toMatchObject({ seq: 6, percent: 60 });
  });

  test('the time left counts down from when the estimate came, not from the clock of the worker', () => {
    const state = stateAfter({ progress: exampleProgress({ eta_ms: 10_000, updated_at: '1999-01-01T00:00:00Z' }) });
    expect(timeLeft(state, 4_000)).toBe(6_000);
    expect(timeLeft(state, 11_000)).toBeUndefined();
  });

  test('the same estimate told again does not start the countdown anew', () => {
    const told = exampleProgress({ seq: 7, eta_ms: 10_000 });
    const state = applyEvent(undefined, { type: 'snapshot', id: 'x', job: exampleJob({ progress: told }) }, 0);
    const again = applyEvent(state, { type: 'snapshot', id: 'x', job: exampleJob({ progress: told }) }, 4_000);
    expect(timeLeft(again as WatchState, 5_000)).toBe(5_000);
  });
});

describe('the bar', () => {
  const rich = stateAfter({
    attempt: 2,
    progress: exampleProgress({
      percent: 58.9,
      message: 'enlarging a picture of a harbour with 日本語 and 👍',
      step: 'tile',
      step_index: 14,
      total_steps: 24,
      eta_ms: 12_000,
    }),
  });
  const bar = (state: WatchState, width: number, style = PLAIN) =>
    renderBar(state, { width, now: 0, style, unicode: true });

  test('says all that is known where there is room', () => {
    const line = bar(rich, 140);
    for (const part of ['running', '58%', 'tile 14/24', 'attempt 2', '12s left', 'a harbour'])
      expect(line).toContain(part);
    expect(line).toMatch(/█+░+/);
  });

  test('never reaches the last column, at any width, with or without colours', () => {
    for (let width = 11; width <= 200; width++) {
      expect(widthOf(bar(rich, width))).toBeLessThan(width);
      expect(widthOf(bar(rich, width, COLOURED))).toBeLessThan(width);
    }
  });

  test('keeps what matters most in a narrow terminal', () => {
    expect(bar(rich, 40)).toMatch(/running.*58%.*12s left/);
    expect(bar(rich, 24)).toMatch(/running.*58%/);
  });

  test('colours change nothing but colours', () => {
    expect(bar(rich, 90, COLOURED).replace(/\u001b\[\d+m/g, '')).toBe(bar(rich, 90));
  });

  test('a job that waits says for how long and why', () => {
    const waiting = stateAfter({
      status: 'queued',
      status_reason: 'no_worker',
      status_message: 'No worker of pool heavy runs x',
    });
    const line = renderBar(waiting, { width: 100, now: 5_000, style: PLAIN, unicode: true });
    expect(line).toBe('queued  waiting 5.0s  no worker');
  });

  test('a hostile message stays on its line', () => {
    const hostile = stateAfter({ progress: exampleProgress({ message: 'a\u001b[2J\r\nb' }) });
    expect(bar(hostile, 100)).toMatch(/a b$/);
  });

  test.each([
    [0, '░░░░'],
    [24, '░░░░'],
    [25, '█░░░'],
    [99.9, '███░'],
    [100, '████'],
    [150, '████'],
  ])('%d percent', (percent, text) => expect(blocks(percent, 4, true)).toBe(text));

  test('plain characters where the locale has no others', () => {
    expect(showsUnicode({ LANG: 'C' })).toBe(false);
    expect(showsUnicode({ LANG: 'de_DE.UTF-8' })).toBe(true);
    expect(showsUnicode({})).toBe(true);
    expect(blocks(50, 4, false)).toBe('##--');
  });
});

describe('the live line', () => {
  test('takes back every row that a narrower terminal made of it', () => {
    const terminal = recordedTerminal({ columns: 40 });
    const line = new LiveLine(terminal.stdout);
    line.show(() => 'x'.repeat(39));
    terminal.stdout.columns = 20;
    (terminal.stdout as unknown as NodeJS.EventEmitter).emit('resize');
    line.show(() => 'short');
    // Two rows by now: up one, then all below goes.
    expect(terminal.out()).toBe(`${'x'.repeat(39)}\r\u001b[1A\u001b[Jshort`);
  });

  test('other lines scroll by above it', () => {
    const terminal = recordedTerminal({ columns: 40 });
    const line = new LiveLine(terminal.stdout);
    line.show(() => 'bar');
    line.above('news');
    line.stop();
    expect(terminal.out()).toBe('bar\r\u001b[Jnews\nbar\r\u001b[J');
  });
});

describe('what is told beside progress', () => {
  const error = { code: 'backend_error', message: 'HTTP 500', retryable: true } as const;

  test('a failed attempt, once', () => {
    const before = stateAfter({});
    const failed: JobEvent = {
      type: 'state',
      id: '0-1-1-0-9',
      job_id: 'x',
      status: 'queued',
      status_reason: 'retry_backoff',
      status_message: 'Attempt 2 starts at 12:00; the last one failed: HTTP 500',
      attempt: 2,
      error,
    };
    const after = applyEvent(before, failed, 0) as WatchState;
    expect(changesOf(before, after).map(({ text }) => text)).toEqual(['attempt 1 failed: backend_error: HTTP 500']);
    expect(changesOf(after, applyEvent(after, progress(9, 60, 2), 0) as WatchState)).toEqual([]);
  });

  test('the same failure of the next attempt once more', () => {
    const failed = (attempt: number): JobEvent => ({
      ...{ type: 'state', id: `0-1-${attempt}-0-9`, job_id: 'x', status: 'queued', status_reason: 'retry_backoff' },
      ...{ attempt, error },
    });
    const first = applyEvent(stateAfter({}), failed(2), 0) as WatchState;
    const second = applyEvent(applyEvent(first, progress(9, 60, 2), 0), failed(3), 0) as WatchState;
    expect(changesOf(first, second).map(({ text }) => text)).toEqual(['attempt 2 failed: backend_error: HTTP 500']);
    expect(changesOf(second, second)).toEqual([]);
  });

  test('nothing of a wait that is past, as a reconnection tells it', () => {
    const running = stateAfter({ attempt: 2 });
    const past: JobEvent = {
      ...{ type: 'state', id: '0-1-2-0-0', job_id: 'x', status: 'queued', status_reason: 'retry_backoff', attempt: 2 },
    };
    expect(changesOf(running, applyEvent(running, past, 0) as WatchState)).toEqual([]);
  });

  test('nothing of the end, which is told elsewhere', () => {
    expect(changesOf(stateAfter({}), stateAfter({ status: 'failed', error }))).toEqual([]);
  });

  test('why a job waits, from the first look on', () => {
    const waiting = stateAfter({ status: 'queued', status_reason: 'no_worker', status_message: 'Start one' });
    expect(changesOf(undefined, waiting)).toEqual([{ kind: 'waiting', text: 'no worker: Start one' }]);
  });
});

test('lines for a pipe: state changes, and progress only now and then', () => {
  const terminal = recordedTerminal();
  const reporter = createLineReporter(terminal);
  let state: WatchState | undefined;
  const events: JobEvent[] = [
    { type: 'snapshot', id: '0', job: exampleJob({ status: 'queued', status_reason: 'starting' }) },
    { type: 'state', id: '1', job_id: 'x', status: 'running', attempt: 1 },
    ...Array.from({ length: 101 }, (_, percent) => progress(percent + 1, percent)),
  ];
  for (const event of events) {
    const before = state;
    state = applyEvent(state, event, 0);
    reporter.update(event, state as WatchState, before);
  }
  const lines = terminal.out().trimEnd().split('\n');
  expect(lines.every((line) => /^\d\d:\d\d:\d\d /.test(line))).toBe(true);
  const texts = lines.map((line) => line.slice(9));
  expect(texts.slice(0, 2)).toEqual(['queued for pool standard', 'running in pool standard']);
  expect(texts.slice(2).map((text) => Number.parseInt(text, 10))).toEqual(Array.from({ length: 21 }, (_, i) => i * 5));
});
