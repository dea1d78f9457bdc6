import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { encodeId, jobIdOfWorkflow, jobWorkflowId, workflowIdCandidates } from '../../contract/ids.ts';

describe('job ids', () => {
  test('26 digits, different for different bytes, the same for the same', () => {
    const ids = new Set(Array.from({ length: 1_000 }, () => encodeId(randomBytes(17))));
    expect(ids.size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{26}$/);
    expect(encodeId(new Uint8Array(17))).toBe('0'.repeat(26));
    expect(encodeId(new Uint8Array(17).fill(255))).toBe('z'.repeat(26));
  });

  test('too few bytes are refused', () => {
    expect(() => encodeId(new Uint8Array(16))).toThrow(RangeError);
  });

  test('an id of ours is looked up with one call', () => {
    const id = encodeId(randomBytes(17));
    expect(workflowIdCandidates(id)).toEqual([jobWorkflowId(id)]);
    expect(jobIdOfWorkflow(jobWorkflowId(id))).toBe(id);
  });

  test.each([
    [
      '0b8d4e1c-3c1b-4b0e-9a8f-4f2d7a1c9e10',
      ['0b8d4e1c-3c1b-4b0e-9a8f-4f2d7a1c9e10', 'job/0b8d4e1c-3c1b-4b0e-9a8f-4f2d7a1c9e10'],
    ],
    ['my own', ['job/my own', 'my own']],
  ])('%s, from the temporal CLI', (id, candidates) => {
    expect(workflowIdCandidates(id)).toEqual(candidates);
    expect(candidates.map(jobIdOfWorkflow)).toEqual([id, id]);
  });
});
