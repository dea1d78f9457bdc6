import { valueHider } from './hide-values.ts';
import { redactLine } from './redact.ts';

const SHORTEST_SECRET = 8;

/**
 * Makes a function that takes secrets out of a text or a JSON line: by the names of keys, by their shape, and these values.
 * @param secrets values shorter than 8 characters are left alone
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const hide = valueHider(secrets, SHORTEST_SECRET);
  return (text) => hide(redactLine(text));
}
