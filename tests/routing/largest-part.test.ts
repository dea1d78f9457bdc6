import { describe, expect, test } from '@jest/globals';
import { largestPart } from '../../platform/routing/largest-part.ts';
import { planJob } from '../../platform/routing/plan-job.ts';

const long = 'x'.repeat(10_000);

describe('where the size of a document lies', () => {
  test.each([
    [{ service: 'a', payload: { prompt: long, steps: 3 } }, '/payload/prompt'],
    [
      {
        payload: {
          messages: [
            { role: 'user', content: 'b' },
            { role: 'user', content: long },
          ],
        },
      },
      '/payload/messages/1/content',
    ],
    [{ payload: { 'a/b~c': long } }, '/payload/a~1b~0c'],
    [{ payload: { parts: Array.from({ length: 100 }, () => long) } }, '/payload/parts'],
    [{ a: long, b: long, c: long }, ''],
    [{}, ''],
  ])('%#', (document, pointer) => {
    expect(largestPart(document).pointer).toBe(pointer);
  });
});

test('a job that is too large is told by which field', () => {
  const catalog = {} as Parameters<typeof planJob>[1];
  const options = { maxPayloadBytes: 5_000 } as Parameters<typeof planJob>[2];
  expect(() => planJob({ service: 'a', payload: { prompt: long } }, catalog, options, 0)).toThrow(
    expect.objectContaining({
      code: 'payload_too_large',
      errors: [expect.objectContaining({ pointer: '/payload/prompt', detail: expect.stringContaining('5000') })],
    }),
  );
});
