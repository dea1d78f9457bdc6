import { fileTypeFromBuffer, supportedMimeTypes } from 'file-type';

/** How much of a file's beginning decides about its type. */
export const SNIFF_BYTES = 65_536;
const UNKNOWN = 'application/octet-stream';
/** Types whose signature file-type knows but whose valid files may also lack it. */
const MAY_BE_PLAIN = new Set(['application/xml', 'text/calendar', 'text/vcard']);

/**
 * The honest type of some content. Known signatures win. Otherwise the claim counts, unless it names a type whose
 * signature is missing (a "PNG" that is none). Without a usable claim: JSON or plain text when it reads as such. HTML
 * and SVG, which a browser would run, are never guessed, only claimed.
 * @param head the first {@link SNIFF_BYTES} bytes
 * @param whole whether `head` is all there is
 */
export async function sniffMime(head: Uint8Array, whole: boolean, claimed?: string): Promise<string> {
  const claim = essence(claimed);
  const text = readText(head, whole);
  const found = await signature(head, text !== undefined);
  if (found === 'application/xml' && claim && (claim.endsWith('+xml') || claim === 'text/xml')) return claim;
  if (found) return found;
  if (claim && believable(claim, !head.includes(0))) return claim;
  if (!text) return UNKNOWN;
  return whole && isJson(text) ? 'application/json' : 'text/plain';
}

async function signature(head: Uint8Array, isText: boolean): Promise<string | undefined> {
  try {
    const mime = (await fileTypeFromBuffer(head))?.mime;
    // Some signatures are two letters: a text that begins with "BM" is no bitmap.
    return isText && mime && /^(?:image|audio|video|font)\//.test(mime) ? undefined : mime;
  } catch {
    // A damaged file with a known beginning may break the parser; its type is then unknown.
    return undefined;
  }
}

function essence(mime: string | undefined): string | undefined {
  const plain = mime?.split(';')[0]?.trim().toLowerCase();
  return plain && /^[a-z0-9][\w.+-]{0,63}\/[a-z0-9][\w.+-]{0,126}$/.test(plain) ? plain : undefined;
}

function believable(claim: string, mayBeText: boolean): boolean {
  if (claim === UNKNOWN) return false;
  if (claim.startsWith('text/') || claim === 'application/json' || claim.endsWith('+json') || claim.endsWith('+xml')) {
    return mayBeText;
  }
  return MAY_BE_PLAIN.has(claim) || !supportedMimeTypes.has(claim);
}

function readText(head: Uint8Array, whole: boolean): string | undefined {
  if (head.includes(0)) return undefined;
  try {
    // stream: a character cut off at the end of the head is no error.
    return new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: !whole });
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
