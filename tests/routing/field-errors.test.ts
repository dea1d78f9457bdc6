import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { fieldErrorsOf } from '../../platform/routing/field-errors.ts';

const schema = z.strictObject({
  text: z.string(),
  table: z.record(z.string().regex(/\./, 'must have a dot'), z.unknown()).optional(),
  count: z.number().max(10).optional(),
  either: z.union([z.string().max(3), z.number(), z.literal(true)]).optional(),
  nested: z.union([z.string(), z.array(z.strictObject({ a: z.string() }))]).optional(),
  own: z.int('must be a whole number').optional(),
});

test.each<[string, unknown, object]>([
  ['missing', {}, { pointer: '/text', detail: 'is missing', hint: 'give a value of type string' }],
  ['null', { text: null }, { pointer: '/text', detail: 'must be of type string, not null' }],
  ['wrong type', { text: 7 }, { pointer: '/text', detail: 'must be of type string, not number' }],
  ['no object', { text: '', table: 5 }, { pointer: '/table', detail: 'must be of type object, not number' }],
  ['a bad name', { text: '', table: { plain: 1 } }, { pointer: '/table/plain', detail: 'must have a dot' }],
  ['too large', { text: '', count: 11 }, { pointer: '/count', detail: 'must be at most 10' }],
  ['a sentence of ours', { text: '', own: 1.5 }, { pointer: '/own', detail: 'must be a whole number' }],
  [
    'none of several types',
    { text: '', either: null },
    { pointer: '/either', detail: 'must be string, number or true' },
  ],
  [
    'a number that JSON cannot hold',
    { text: '', either: Number.POSITIVE_INFINITY },
    { detail: 'must be string, number or true' },
  ],
  [
    'one of several types',
    { text: '', either: 'long' },
    { pointer: '/either', detail: 'must have at most 3 characters' },
  ],
  [
    'inside of several types',
    { text: '', nested: [{ a: 1 }] },
    { pointer: '/nested/0/a', detail: 'must be of type string, not number' },
  ],
  ['no number', { text: '', count: Number.NaN }, { pointer: '/count', detail: 'must be a number' }],
  ['unknown', { text: '', other: 1 }, { pointer: '/other', detail: 'is not a known field' }],
])('%s, told alike with and without the input', (_, value, expected) => {
  for (const reportInput of [true, false]) {
    const { error } = schema.safeParse(value, { reportInput });
    expect(fieldErrorsOf(error!)).toEqual([expect.objectContaining(expected)]);
  }
});
