import { z } from 'zod';

export const expression = z.string().min(1, 'must not be empty').describe('JSONata expression');
/** Text in which `{{ expression }}` stands for a value. */
export const template = z.string().min(1, 'must not be empty');
const method = z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);
const fields = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

const requestFields = {
  path: template.describe('Under base_url, or an absolute URL'),
  query: fields.optional().describe('Values are templates; what comes to nothing is left out'),
  headers: z.record(z.string(), z.string()).optional().describe('Values are templates'),
  body: z.json().optional().describe('JSON in which every text is a template'),
  body_expression: expression.optional().describe('Gives the whole body, instead of `body`'),
  form: fields.optional().describe('Sent as application/x-www-form-urlencoded, instead of `body`'),
  multipart: z
    .record(z.string(), template)
    .optional()
    .describe('Sent as multipart/form-data, instead of `body`; `@image` is the file of the input `image`'),
};

const BODIES = ['body', 'body_expression', 'form', 'multipart'] as const;
const oneBody = (request: Partial<Record<(typeof BODIES)[number], unknown>>) =>
  BODIES.filter((name) => request[name] !== undefined).length <= 1;
const ONE_BODY = `may have one of ${BODIES.join(', ')}`;

/** A request beside the first one: status, result, cancel. */
export const followUpSchema = z
  .strictObject({ method: method.default('GET'), ...requestFields })
  .refine(oneBody, ONE_BODY);

/** The request that gives the job to the service. */
export const submitSchema = z
  .strictObject({
    method: method.default('POST'),
    ...requestFields,
    idempotency: z
      .strictObject({ header: z.string().optional().describe('That carries the key, e.g. Idempotency-Key') })
      .optional()
      .describe(
        'The service knows a repeated submission by its key and does not work twice. `{{ key }}` puts it anywhere else',
      ),
    in_doubt: z
      .enum(['retry', 'fail'])
      .optional()
      .describe(
        'What to do when nobody knows whether a submission without idempotency has arrived. Default: fail for async, where it may be at work and paid for; retry for the others',
      ),
  })
  .refine(oneBody, ONE_BODY);

export type FollowUp = z.output<typeof followUpSchema>;
export type Submit = z.output<typeof submitSchema>;
