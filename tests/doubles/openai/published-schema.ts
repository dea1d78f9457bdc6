import { readFileSync } from 'node:fs';
import { PublishedSchema, type PublishedRequests } from '../hosted/published-schema.ts';

/** What OpenAI publishes of its API: `request-schemas.json` beside this file, which names its source. */
export const openAiSchema = new PublishedSchema(
  () => JSON.parse(readFileSync(new URL('./request-schemas.json', import.meta.url), 'utf8')) as PublishedRequests,
);
