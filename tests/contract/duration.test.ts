import { describe, expect, test } from '@jest/globals';
import { formatDuration, parseDuration } from '../../contract/duration.ts';

describe('durations', () => {
  test.each([
    [30, 30_000],
    [0.5, 500],
    ['250ms', 250],
    ['90s', 90_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    [' 5s ', 5_000],
    ['5', undefined],
    ['5 s', undefined],
    ['-5s', undefined],
    [-1, undefined],
    [Number.NaN, undefined],
    ['', undefined],
  ])('%j is %s ms', (value, ms) => {
    expect(parseDuration(value)).toBe(ms);
  });

  test.each([
    [250, '250ms'],
    [90_000, '90s'],
    [120_000, '2m'],
    [7_200_000, '2h'],
    [86_400_000, '1d'],
  ])('%d ms reads %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
