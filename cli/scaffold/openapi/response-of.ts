import type { MediaType, Operation, Schema } from './document.ts';
import { flattened } from './to-json-schema.ts';

/** What an answer means. */
export interface FoundResponse {
  response: Record<string, unknown>;
  /** Its schema, where it is JSON. */
  schema?: Schema;
  /** The kind of media that is asked for, where it is not JSON. */
  accept?: string;
  stream: boolean;
}

const FILE = /^(?:image|audio|video|font|model)\/|^application\/(?:octet-stream|pdf|zip)/;
/** Names of fields that hold what a job was for. */
const OUTPUT_NAME =
  /(?:^|_)(?:image|audio|video|file|output|download|media|result|asset)s?(?:_?(?:url|uri|data|b64|base64|b64_json))?$|^(?:url|b64_json)$/i;
const DEEPEST = 5;

/** The answer of an operation when all goes well. @returns the reason when a service file cannot say it */
export function responseOf(operation: Operation, remarks: Set<string>): FoundResponse | string {
  const responses = operation.responses ?? {};
  const status = Object.keys(responses).find((each) => /^2\d\d$|^2XX$/i.test(each)) ?? 'default';
  const content = responses[status]?.content ?? {};
  const kinds = Object.keys(content);
  const json = kinds.find((each) => /\bjson\b/i.test(each) && !/json-?seq|ndjson|jsonl/i.test(each));
  const file = kinds.find((each) => FILE.test(each));
  const sse = kinds.find((each) => each.startsWith('text/event-stream'));
  if (json !== undefined) {
    const schema = flattened((content[json] as MediaType).schema ?? {});
    if (sse) remarks.add('it can answer in pieces too (text/event-stream); this file asks for the whole answer');
    return { response: artifactsIn(schema, remarks), schema, stream: false };
  }
  if (file !== undefined) {
    const mime = file.split(';')[0] ?? file;
    const extension = mime === 'application/octet-stream' || mime.endsWith('*') ? 'bin' : extensionOf(mime);
    const artifact = { from: 'body', name: `output.${extension}`, ...(mime.includes('*') ? {} : { mime }) };
    return { response: { as: 'binary', artifacts: [artifact] }, accept: mime, stream: false };
  }
  if (sse !== undefined) {
    remarks.add('say under "stream" where the text, the progress and the end stand in its events');
    return { response: {}, accept: 'text/event-stream', stream: true };
  }
  if (kinds.length === 0) {
    remarks.add('its answer is not described: it is kept as text');
    return { response: { as: 'text' }, stream: false };
  }
  if (kinds.some((each) => each.startsWith('text/') || each === '*/*'))
    return { response: { as: 'text' }, stream: false };
  return `its answer is ${kinds.join(' or ')}; JSON, text, files and event streams can be read`;
}

/** Files that an answer names or holds. */
export function artifactsIn(schema: Schema, remarks: Set<string>): Record<string, unknown> {
  const artifacts = [...outputsIn(schema, [], new Set())];
  for (const { each } of artifacts)
    remarks.add(`"${String(each)}" of the answer is taken for an output; check "response.artifacts"`);
  return artifacts.length > 0 ? { artifacts } : {};
}

function* outputsIn(given: Schema, path: string[], seen: Set<Schema>): Generator<Record<string, unknown>> {
  const schema = flattened(given);
  // Objects once: a document whose references are followed can be endless.
  const inner = schema.items ?? schema.properties;
  if (path.length > DEEPEST || (inner && seen.has(given))) return;
  seen.add(given);
  if (schema.items) yield* outputsIn(schema.items, path, seen);
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* outputsIn(property, [...path, name], seen);
  const name = path.at(-1) ?? '';
  if (![schema.type].flat().includes('string') || !OUTPUT_NAME.test(name)) return;
  const each = path.map((step) => (/^[A-Za-z_]\w*$/.test(step) ? step : `\`${step}\``)).join('.');
  const named = { each, name: 'output-{{ index + 1 }}' };
  const inside = schema.contentEncoding === 'base64' || schema.format === 'byte' || /b64|base64/i.test(name);
  if (inside) yield { from: 'base64', ...named };
  else if (schema.format === 'uri' || schema.format === 'url' || /ur[il]$/i.test(name))
    yield { from: 'url', auth: false, ...named };
}

function extensionOf(mime: string): string {
  const known: Record<string, string> = {
    mpeg: 'mp3',
    jpeg: 'jpg',
    'svg+xml': 'svg',
    'x-wav': 'wav',
    quicktime: 'mov',
  };
  const subtype = mime.split('/')[1] ?? 'bin';
  return known[subtype] ?? subtype.replace(/^x-/, '').replace(/\+.*$/, '');
}
