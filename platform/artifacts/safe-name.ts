/** Longest file name in bytes: file systems take 255, and the metadata file beside it adds a few. */
const MAX_NAME_BYTES = 180;
/** Controls, bidirectional overrides and other invisible characters that make a name look like another one. */
const INVISIBLE = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
/** Not allowed in file names of systems that users download to. */
const RESERVED = /[<>:"|?*]/g;

/**
 * Makes a file name out of whatever a client or a connector calls its file: one path segment, no leading dot, nothing
 * invisible, at most 180 bytes with the extension kept. Unicode letters stay.
 * @param suffix put before the extension; it stays when the name is shortened
 * @returns never empty: `file` when nothing is left
 */
export function safeFileName(name: string, suffix = ''): string {
  const wellFormed = Buffer.from(name, 'utf8').toString('utf8').normalize('NFC');
  const segment = wellFormed.split(/[/\\]/).at(-1) ?? '';
  const clean = segment
    .replace(INVISIBLE, '')
    .replace(RESERVED, '_')
    .replace(/^[.\s]+|[.\s]+$/g, '');
  return fit(clean || 'file', suffix);
}

function fit(name: string, suffix: string): string {
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && Buffer.byteLength(name.slice(dot)) <= 20 ? name.slice(dot) : '';
  const stem = extension ? name.slice(0, dot) : name;
  const end = suffix + extension;
  if (Buffer.byteLength(stem + end) <= MAX_NAME_BYTES) return stem + end;
  let short = '';
  let left = MAX_NAME_BYTES - Buffer.byteLength(end);
  for (const character of stem) {
    left -= Buffer.byteLength(character);
    if (left < 0) break;
    short += character;
  }
  return short.replace(/[.\s]+$/, '') + end;
}
