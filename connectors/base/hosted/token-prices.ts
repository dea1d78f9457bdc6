import { readFileSync } from 'node:fs';
import { z } from 'zod';

const price = z.number('must be a number').min(0, 'must be 0 or more');

const fields = z.strictObject({
  input: price.default(0).describe('Per million tokens'),
  cached_input: price.optional().describe('Tokens read from a cache; default: as input'),
  cache_write: price.optional().describe('Tokens written to a cache; default: as input'),
  image_input: price.optional().describe('Tokens of pictures in the input; default: as input'),
  output: price.default(0).describe('Per million tokens'),
  picture: price.optional().describe('Per picture made, for models that count no tokens'),
  second: price.optional().describe('Per second of work, for services that charge for time'),
  run: price.optional().describe('Per job'),
});

const modelPrices = z
  .looseObject({})
  .refine((given) => Object.keys(given).length > 0, 'must have a price')
  .pipe(fields);

const schema = z.strictObject({
  currency: z.string().default('USD'),
  models: z.record(z.string(), modelPrices).describe('By model; a name that ends in * is a prefix'),
});

export type TokenPrices = z.output<typeof schema>;

export interface TokenCounts {
  /** All of the input, the cached part included. */
  input_tokens: number;
  cached_input_tokens?: number;
  cache_write_tokens?: number;
  image_input_tokens?: number;
  output_tokens: number;
  pictures?: number;
  seconds?: number;
  runs?: number;
}

export interface Cost {
  amount: number;
  currency: string;
}

/**
 * Reads a price table: JSON text, or the path of a JSON file.
 * `{"currency": "USD", "models": {"gpt-x*": {"input": 1.25, "cached_input": 0.125, "output": 10}}}`
 * @throws Error saying what is wrong with it, without its source's name
 */
export function readPrices(source: string): TokenPrices {
  const parsed = schema.safeParse(parse(source));
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'it'} ${issue.message}`);
  throw new Error(`is no price table: ${issues.join('; ')}`);
}

function parse(source: string): unknown {
  if (source.trimStart().startsWith('{')) return parseJson(source);
  let text: string;
  try {
    text = readFileSync(source, 'utf8');
  } catch (error) {
    throw new Error(`names a file that cannot be read: ${(error as Error).message}`, { cause: error });
  }
  return parseJson(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** What work costs; undefined when the table has no price for the model. The longest name that fits counts. */
export function costOf(prices: TokenPrices | undefined, model: string, counts: TokenCounts): Cost | undefined {
  const found = Object.entries(prices?.models ?? {})
    .filter(([name]) => name === model || (name.endsWith('*') && model.startsWith(name.slice(0, -1))))
    .toSorted(([a], [b]) => b.length - a.length)[0]?.[1];
  if (!prices || !found) return undefined;
  const cached = counts.cached_input_tokens ?? 0;
  const written = counts.cache_write_tokens ?? 0;
  const pictures = counts.image_input_tokens ?? 0;
  const plain = Math.max(0, counts.input_tokens - cached - written - pictures);
  const millionths =
    plain * found.input +
    cached * (found.cached_input ?? found.input) +
    written * (found.cache_write ?? found.input) +
    pictures * (found.image_input ?? found.input) +
    counts.output_tokens * found.output;
  const pieces =
    (counts.pictures ?? 0) * (found.picture ?? 0) +
    (counts.seconds ?? 0) * (found.second ?? 0) +
    (counts.runs ?? 0) * (found.run ?? 0);
  const amount = millionths / 1e6 + pieces;
  return { amount: Math.round(amount * 1e9) / 1e9, currency: prices.currency };
}
