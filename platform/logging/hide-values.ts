const HIDDEN = '[redacted]';

/**
 * Makes a function that takes known values out of texts, also where they stand inside JSON or a URL.
 * @param shortest anything shorter would tear holes into harmless words
 */
export function valueHider(values: Iterable<string>, shortest: number): (text: string) => string {
  const forms = new Set<string>();
  for (const value of values) {
    if (value.length < shortest) continue;
    forms.add(value);
    forms.add(JSON.stringify(value).slice(1, -1));
    forms.add(encodeURIComponent(value));
  }
  // The longest first, so that a value inside another one leaves no rest.
  const known = [...forms].toSorted((a, b) => b.length - a.length);
  return (text) => known.reduce((rest, value) => rest.replaceAll(value, HIDDEN), text);
}
