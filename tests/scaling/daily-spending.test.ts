import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DailySpending } from '../../platform/scaling/daily-spending.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const STEP = 30_000;
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-spent-'));
  file = join(folder, 'scaling', 'spent-today.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('what is spent today', () => {
  test('counts workers over time, pool by pool, and outlives a restart', () => {
    const spending = new DailySpending(file, NOON);
    expect(spending.add('heavy', NOON, 4, 6)).toBe(0);
    expect(spending.add('heavy', NOON + STEP, 4, 6)).toBeCloseTo(0.2);
    expect(spending.add('light', NOON + STEP, 1, 6)).toBe(0);
    spending.save(NOON + STEP);
    const again = new DailySpending(file, NOON + 3_600_000);
    // The hour in which nobody looked is not paid for.
    expect(again.add('heavy', NOON + 3_600_000, 4, 6)).toBeCloseTo(0.2);
  });

  test('begins anew at midnight UTC', () => {
    const spending = new DailySpending(file, NOON);
    spending.add('heavy', NOON, 4, 6);
    spending.add('heavy', NOON + STEP, 4, 6);
    expect(spending.add('heavy', NOON + 86_400_000, 0, 6)).toBe(0);
    spending.save(NOON, true);
    expect(new DailySpending(file, NOON + 2 * 86_400_000).add('heavy', NOON + 2 * 86_400_000, 1, 6)).toBe(0);
  });

  test.each(['', '{', '{"day":"2026-01-01","spent":{"heavy":"a lot","light":-5}}', '[]'])(
    'a damaged file (%j) counts as nothing spent',
    (text) => {
      new DailySpending(file, NOON).save(NOON, true);
      writeFileSync(file, text);
      const spending = new DailySpending(file, NOON);
      expect(spending.add('heavy', NOON, 1, 1)).toBe(0);
      spending.save(NOON, true);
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ day: '2026-01-01', spent: { heavy: 0 } });
    },
  );
});
