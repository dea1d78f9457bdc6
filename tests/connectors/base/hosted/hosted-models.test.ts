import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ApiKeys } from '../../../../connectors/base/hosted/api-keys.ts';
import { RateHeadroom } from '../../../../connectors/base/hosted/rate-headroom.ts';
import { costOf, readPrices } from '../../../../connectors/base/hosted/token-prices.ts';
import { parseReset, readRateHeaders } from '../../../../connectors/openai/rate-headers.ts';
import { temporaryFolder } from '../../../harness/temporary-folder.ts';

describe('prices', () => {
  const prices = readPrices(
    '{"currency": "EUR", "models": {"m*": {"input": 1, "output": 2}, "m-large": {"input": 10, "cached_input": 1, "output": 20}}}',
  );

  test('time, runs and pictures have prices too', () => {
    const timed = readPrices('{"models": {"t": {"second": 0.001, "run": 0.5}, "p": {"picture": 0.04}}}');
    const counts = { input_tokens: 9, output_tokens: 9, seconds: 30, runs: 1, pictures: 2 };
    expect(costOf(timed, 't', counts)).toEqual({ amount: 0.53, currency: 'USD' });
    expect(costOf(timed, 'p', counts)).toEqual({ amount: 0.08, currency: 'USD' });
    expect(() => readPrices('{"models": {"t": {}}}')).toThrow('models.t must have a price');
    expect(() => readPrices('{"models": {"t": {"secnd": 1}}}')).toThrow('models.t');
  });

  test('the longest name that fits counts; the cached part has its own price', () => {
    const counts = { input_tokens: 1_000, cached_input_tokens: 400, output_tokens: 100 };
    expect(costOf(prices, 'm-small', counts)).toEqual({ amount: 0.0012, currency: 'EUR' });
    expect(costOf(prices, 'm-large', counts)).toEqual({ amount: 0.0084, currency: 'EUR' });
    expect(costOf(prices, 'other', counts)).toBeUndefined();
    expect(costOf(undefined, 'm-large', counts)).toBeUndefined();
  });

  test('from a file', () => {
    const file = join(temporaryFolder(), 'prices.json');
    writeFileSync(file, '{"models": {"m": {"input": 1, "output": 1}}}');
    expect(readPrices(file)).toMatchObject({ currency: 'USD' });
  });

  test.each([
    ['{', 'is not JSON'],
    ['/nowhere/prices.json', 'cannot be read'],
    ['{"models": {"m": {"input": "x"}}}', 'models.m.input must be a number'],
  ])('%s %s', (source, problem) => {
    expect(() => readPrices(source)).toThrow(problem);
  });
});

describe('rate headers', () => {
  test.each([
    ['20ms', 20],
    ['1s', 1_000],
    ['6m0s', 360_000],
    ['1h2m3.5s', 3_723_500],
    ['', undefined],
    ['soon', undefined],
    ['5 s', undefined],
  ])('%s', (text, ms) => {
    expect(parseReset(text)).toBe(ms);
  });

  test('half of them are of no use', () => {
    expect(readRateHeaders({ 'x-ratelimit-limit-tokens': '5', 'x-ratelimit-remaining-tokens': '4' })).toEqual({});
  });
});

describe('headroom', () => {
  const allowance = { limit: 100, remaining: 10, reset_ms: 90_000 };

  test('what is left may go; the rest comes back evenly', () => {
    const headroom = new RateHeadroom();
    headroom.note('a', { tokens: allowance });
    expect(headroom.waitMs('a', { tokens: 10 })).toBe(0);
    expect(Math.round(headroom.waitMs('a', { tokens: 20 }) / 1_000)).toBe(10);
    expect(headroom.waitMs('a', { tokens: 101 })).toBe(0);
    expect(headroom.waitMs('b', { tokens: 20 })).toBe(0);
  });

  test('what others are about to spend is gone', () => {
    const headroom = new RateHeadroom();
    headroom.note('a', { tokens: allowance });
    headroom.spend('a', { tokens: 10 });
    expect(headroom.waitMs('a', { tokens: 10 })).toBeGreaterThan(0);
  });
});

describe('keys', () => {
  test('doubled and empty ones are left out; labels say nothing of them', () => {
    const keys = new ApiKeys(['sk-a', '', ' sk-a ', 'sk-b']);
    expect(keys.all.map((key) => key.value)).toEqual(['sk-a', 'sk-b']);
    expect(keys.all.map((key) => key.label).join()).not.toMatch(/sk-/);
  });

  test('the preferred one goes first, one set aside last', () => {
    const keys = new ApiKeys(['a', 'b', 'c']);
    const [a, b] = [keys.all[0]!, keys.all[1]!];
    keys.setAside(a);
    for (let turn = 0; turn < 3; turn++) {
      expect(keys.order('', b.label)[0]?.value).toBe('b');
      expect(keys.order().at(-1)?.value).toBe('a');
    }
    keys.worked(a);
    expect(new Set([0, 1, 2].map(() => keys.order()[0]?.value))).toEqual(new Set(['a', 'b', 'c']));
  });
});
