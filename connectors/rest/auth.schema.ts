import { z } from 'zod';

const text = z.string().min(1, 'must not be empty');

/** How the service wants to know who asks. Values are usually `${VARIABLE}`. */
export const authSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({
    type: z.literal('api_key'),
    in: z.enum(['header', 'query']).default('header'),
    name: text.describe('Of the header or the query parameter'),
    value: text,
  }),
  z.strictObject({ type: z.literal('bearer'), token: text }),
  z.strictObject({ type: z.literal('basic'), username: text, password: z.string() }),
  z
    .strictObject({
      type: z.literal('oauth2'),
      token_url: text.describe('Absolute, or a path under base_url'),
      client_id: text,
      client_secret: text,
      scope: z.string().optional(),
      audience: z.string().optional(),
      credentials_in: z.enum(['header', 'body']).default('header'),
    })
    .describe('Client credentials (RFC 6749 section 4.4); the token is kept and renewed'),
]);

export type Auth = z.output<typeof authSchema>;
