import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../../contract/errors.ts';
import { expression, template } from './request.schema.ts';

const codes = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

const named = {
  name: template.describe('File name; knows `item` and `index` too'),
  mime: z.string().optional().describe('Used where the content does not tell'),
};

/** Files in an answer. */
export const artifactSchema = z.discriminatedUnion('from', [
  z.strictObject({ from: z.literal('body'), ...named }).describe('The answer itself is the file'),
  z
    .strictObject({
      from: z.literal('url'),
      each: expression.describe('One address or a list of them'),
      auth: z.boolean().default(true).describe('Whether our credentials go along; only ever to the host of base_url'),
      ...named,
    })
    .describe('Files to be fetched'),
  z
    .strictObject({
      from: z.literal('base64'),
      each: expression.describe('One text in base64 (or data: URL) or a list of them'),
      ...named,
    })
    .describe('Files inside the JSON'),
]);

/** What counts as an error, whatever the status says; the first rule that holds decides. */
export const errorRuleSchema = z.strictObject({
  when: expression.describe('Over {status, headers, body}; holds when it gives a true value'),
  code: z.enum(codes),
  message: expression.optional(),
  retryable: z.boolean().optional().describe("Overrides the code's own"),
});

export const responseSchema = z.strictObject({
  as: z.enum(['json', 'text', 'binary']).default('json'),
  result: expression.optional().describe('Over the answer; default: the whole of it, nothing for binary'),
  artifacts: z.array(artifactSchema).max(50).default([]),
});

export type Artifact = z.output<typeof artifactSchema>;
export type ErrorRule = z.output<typeof errorRuleSchema>;
