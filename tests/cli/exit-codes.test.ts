import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERROR_CODES, type ErrorCode } from '../../contract/errors.ts';
import { JOB_STATUSES } from '../../contract/job-view.ts';
import { EXIT, EXIT_MEANINGS, exitCodeOfProblem, exitCodeOfStatus } from '../../cli/exit-codes.ts';

describe('exit codes', () => {
  test('tell every end of a job apart', () => {
    expect(JOB_STATUSES.map((status) => [status, exitCodeOfStatus(status)])).toEqual([
      ['queued', 8],
      ['running', 8],
      ['completed', 0],
      ['failed', 3],
      ['cancelled', 4],
      ['timed_out', 5],
    ]);
  });

  test.each<[ErrorCode, number]>([
    ['validation', 2],
    ['malformed', 2],
    ['payload_too_large', 2],
    ['unsupported_media', 2],
    ['idempotency_mismatch', 2],
    ['not_found', 6],
    ['service_unavailable', 7],
    ['timeout', 7],
    ['conflict', 1],
    ['permission', 1],
    ['internal', 1],
  ])('a refusal with %s', (code, exit) => {
    expect(exitCodeOfProblem(code)).toBe(exit);
  });

  test('every refusal has one that says it is no success', () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) expect(exitCodeOfProblem(code)).toBeGreaterThan(0);
  });

  test('are all explained, in the help and in the documentation alike', () => {
    expect(EXIT_MEANINGS.map(([code]) => code)).toEqual(Object.values(EXIT));
    const documented = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'cli.md'), 'utf8')
      .split('\n')
      .flatMap((line) => /^\| (\d+) \| (.*) \|$/.exec(line)?.slice(1, 3) ?? []);
    expect(documented).toEqual(EXIT_MEANINGS.flatMap(([code, meaning]) => [String(code), meaning]));
  });
});
