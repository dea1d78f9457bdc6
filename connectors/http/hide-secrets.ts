import { valueHider } from '../../platform/logging/hide-values.ts';
import { redactLine } from '../../platform/logging/redact.ts';

const SECRET_HEADER = /authorization|cookie|key|token|secret|password/i;
/** Anything shorter would tear holes into harmless words. */
const SHORTEST = 6;

/**
 * Makes a function that takes secrets out of texts: those known by value, and those that show by their shape.
 * @param headers of the client; the values of those that hold credentials count as secrets, with and without `Bearer`
 * @param secrets more values to hide
 */
export function secretHider(
  headers: Readonly<Record<string, string>>,
  secrets: readonly string[] = [],
): (text: string) => string {
  const values = new Set(secrets);
  for (const [name, value] of Object.entries(headers)) {
    if (!SECRET_HEADER.test(name)) continue;
    values.add(value);
    values.add(value.replace(/^(?:bearer|basic|token|key)\s+/i, ''));
  }
  const hide = valueHider(values, SHORTEST);
  return (text) => redactLine(hide(text));
}
