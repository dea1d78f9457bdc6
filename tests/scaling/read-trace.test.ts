import { describe, expect, test } from '@jest/globals';
import { readTrace } from '../../platform/scaling/read-trace.ts';

describe('JSON lines', () => {
  test('times and durations in either form; further fields are left aside', () => {
    const { jobs, badCount } = readTrace(
      [
        '{"at": 1000, "duration": 250, "who": "me"}',
        '',
        '{"at": "2026-01-01T00:00:00Z", "duration": "2s", "pool": "heavy", "failed": true}',
      ].join('\r\n'),
    );
    expect(badCount).toBe(0);
    expect(jobs).toEqual([
      { at: 1_000, duration: 250 },
      { at: Date.UTC(2026, 0, 1), duration: 2_000, pool: 'heavy', failed: true },
    ]);
  });

  test.each([
    ['{"at": 1}', 'duration: nothing is none'],
    ['{"at": "soon", "duration": 1}', 'at: "soon" is no time'],
    ['{"at": 1, "duration": -1}', 'duration: -1 is none'],
    ['{"at": 1, "duration": 1, "failed": "perhaps"}', 'failed: "perhaps" is neither'],
    ['{"at": 1, "duration": 1, "pool": 7}', 'pool: 7 is no name'],
    ['[1, 2]', 'is no JSON object'],
    ['{"at": 1', 'is no JSON'],
  ])('%s is named by its line', (line, problem) => {
    const trace = readTrace(`{"at": 0, "duration": 1}\n${line}\n{"at": 2, "duration": 1}\n`);
    expect(trace.jobs).toHaveLength(2);
    expect(trace.bad).toEqual([{ line: 2, problem: expect.stringContaining(problem) }]);
  });
});

describe('CSV', () => {
  test('columns in any order, quoted or not, empty ones as if they were not there', () => {
    const { jobs, bad } = readTrace('\uFEFFpool,duration,at,who,failed\n"heavy",1s,5,"a, ""b""",\n,100,6,x,true\n');
    expect(bad).toEqual([]);
    expect(jobs).toEqual([
      { at: 5, duration: 1_000, pool: 'heavy' },
      { at: 6, duration: 100, failed: true },
    ]);
  });

  test('a line with too few fields, and a file without a heading', () => {
    expect(readTrace('at,duration\n1\n2,3\n')).toMatchObject({
      jobs: [{ at: 2, duration: 3 }],
      bad: [{ line: 2, problem: 'has 1 fields, the heading has 2' }],
    });
    expect(readTrace('1,2\n3,4\n').bad).toEqual([{ line: 1, problem: expect.stringContaining('"at" and "duration"') }]);
  });

  test('nothing is no trace and no mistake; of many bad lines the first hundred are kept', () => {
    expect(readTrace('\n\n')).toEqual({ jobs: [], bad: [], badCount: 0 });
    const many = readTrace(`at,duration\n${'x,1\n'.repeat(1_000)}`);
    expect([many.bad.length, many.badCount]).toEqual([100, 1_000]);
  });
});
