import { isMap, parseDocument } from 'yaml';

/**
 * Adds an entry at the end of an object of a JSON text; everything else stays as it is, to the byte.
 * @param object name of a field of the document, whose value is an object
 * @throws Error when there is no such object, or it has the key already
 */
export function addToJson(text: string, object: string, key: string, value: unknown): string {
  // JSON is YAML, and this parser says where things stand.
  const found = parseDocument(text).get(object, true);
  if (!isMap(found) || !found.range) throw new Error(`there is no object "${object}"`);
  if (found.has(key)) throw new Error(`"${object}" has "${key}" already`);
  const entry = `    ${JSON.stringify(key)}: ${JSON.stringify(value, undefined, 2).replaceAll('\n', '\n    ')}`;
  const close = found.range[1] - 1;
  const last = text.slice(0, close).trimEnd();
  return `${last}${found.items.length > 0 ? ',' : ''}\n${entry}\n  ${text.slice(close)}`;
}
