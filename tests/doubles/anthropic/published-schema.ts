import { readFileSync } from 'node:fs';
import { PublishedSchema, type PublishedRequests } from '../hosted/published-schema.ts';

/**
 * What Anthropic publishes of its API: `request-schemas.json` beside this file, which names its source. The document is
 * some months older than the SDK that the connector uses; where the two differ, the SDK's types (1.12.0) stand in the
 * file. Fields that only `anthropic-beta` opens are not in it.
 */
export const anthropicSchema = new PublishedSchema(
  () => JSON.parse(readFileSync(new URL('./request-schemas.json', import.meta.url), 'utf8')) as PublishedRequests,
);
