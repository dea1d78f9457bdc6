const HIDDEN = '[payload]';
/** Shorter texts are `png`, `auto`, `4x`: choices, not content. */
const SHORTEST = 5;
const MOST_TEXTS = 2_000;
/** Fields that choose rather than say something; their values make an error readable. */
const CHOICE =
  /(?:model|models|ckpt|checkpoint|lora|vae|class_type|sampler|scheduler|format|size|quality|style|voice|template|mode|type|version|role|name|kind|status|preset|effort|tier|seed|ratio|resolution|language|id|code)$/i;

/**
 * Makes a function that takes the texts of a payload out of other texts: backends like to repeat in an error what they
 * were sent.
 */
export function payloadHider(payload: unknown): (text: string) => string {
  const texts = new Set<string>();
  collect(payload, '', texts);
  if (texts.size === 0) return (text) => text;
  const known = [...texts].toSorted((a, b) => b.length - a.length);
  return (text) => known.reduce((rest, value) => rest.replaceAll(value, HIDDEN), text);
}

function collect(value: unknown, key: string, texts: Set<string>): void {
  if (texts.size >= MOST_TEXTS) return;
  if (typeof value === 'string') {
    const said = value.trim();
    if (said.length < SHORTEST || CHOICE.test(key)) return;
    texts.add(said);
    // As it stands in a backend's JSON that an error quotes.
    const escaped = JSON.stringify(said).slice(1, -1);
    if (escaped !== said) texts.add(escaped);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [name, entry] of Object.entries(value)) collect(entry, Array.isArray(value) ? key : name, texts);
}
