import { z } from 'zod';

/** Longest text that is taken. Characters; far above what any model takes. */
const MAX_TEXT = 4_000_000;

export const reference = z
  .string()
  .min(1, 'must not be empty')
  .describe('Media reference: artifact:…, data:…;base64,…, file:… or https:…');

export const text = z.string().min(1, 'must not be empty').max(MAX_TEXT, `must have at most ${MAX_TEXT} characters`);

export const model = z.string().min(1, 'must not be empty').max(256, 'must have at most 256 characters').optional();

/** @param variable the operator's default */
export const ifLost = (variable: string) =>
  z
    .enum(['fail', 'repeat'], 'must be fail or repeat')
    .optional()
    .describe(
      'What to do when the answer to a request that costs money is lost. fail: the job ends and says what may have been ' +
        `charged; repeat: it is sent again, and may be paid twice. Default: ${variable}`,
    );

/** @param own fields that Switchyard sets itself */
export const extraBody = (own: readonly string[]) =>
  z
    .record(z.string(), z.unknown())
    .refine((value) => !own.some((name) => Object.hasOwn(value, name)), { message: `must not set ${own.join(', ')}` })
    .optional()
    .describe('More fields of the request, sent as they are');
