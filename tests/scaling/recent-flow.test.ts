import { describe, expect, test } from '@jest/globals';
import { RecentFlow, successRate, type WorkerCount } from '../../platform/scaling/recent-flow.ts';

function worker(change: Partial<WorkerCount> = {}): WorkerCount {
  return { key: 'a', running: 0, ended: 0, failed: 0, ...change };
}

describe('mean time and success from counts', () => {
  test('the time that jobs ran, divided by how many ended', () => {
    const flow = new RecentFlow();
    flow.add(0, [worker({ running: 2 })]);
    flow.add(10_000, [worker({ running: 2, ended: 4, failed: 1 })]);
    // Two at a time for ten seconds, four of them ended.
    expect(flow.processingMs(1_000)).toBe(5_000);
    expect(flow.counts()).toEqual({ busyMs: 20_000, ended: 4, failed: 1 });
    expect(successRate([flow])).toBeUndefined();
    flow.add(20_000, [worker({ running: 2, ended: 8, failed: 1 })]);
    expect(successRate([flow])).toBe(1 - 1 / 8);
  });

  test('what a worker did before it was first seen is not counted, nor does a restart count backwards', () => {
    const flow = new RecentFlow();
    flow.add(0, [worker({ ended: 900, failed: 900 })]);
    flow.add(1_000, [worker({ key: 'b', ended: 3 })]);
    flow.add(2_000, [worker({ key: 'b', ended: 1 })]);
    expect(flow.counts()).toMatchObject({ ended: 0, failed: 0 });
    expect(flow.processingMs(1_000)).toBeUndefined();
  });

  test('before the first end, a job that has run longer than the guess tells as much', () => {
    const flow = new RecentFlow();
    flow.add(0, [worker({ running: 1 })]);
    flow.add(5_000, [worker({ running: 1 })]);
    expect(flow.processingMs(10_000)).toBeUndefined();
    flow.add(60_000, [worker({ running: 1 })]);
    expect(flow.processingMs(10_000)).toBe(60_000);
  });

  test('only the latest jobs count', () => {
    const flow = new RecentFlow();
    let ended = 0;
    const run = (times: number, failed: boolean, from: number) => {
      for (let i = 1; i <= times; i++) {
        ended += 10;
        flow.add(from + i * 1_000, [worker({ running: 1, ended, failed: failed ? ended : 0 })]);
      }
    };
    flow.add(0, [worker()]);
    run(10, true, 0);
    const before = ended;
    for (let i = 1; i <= 6; i++)
      flow.add(20_000 + i * 1_000, [worker({ running: 1, ended: before + i * 10, failed: before })]);
    expect(successRate([flow])).toBe(1);
  });
});
