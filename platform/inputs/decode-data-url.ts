import { InputError } from './input-error.ts';
import { DATA_URL_HEAD, NO_DATA_URL } from './reference-form.ts';

/**
 * The bytes of a `data:` reference, which must be base64.
 * @throws InputError `validation`, or `payload_too_large` before anything is decoded
 */
export function decodeDataUrl(reference: string, pointer: string, maxBytes: number): { bytes: Buffer; mime?: string } {
  const header = DATA_URL_HEAD.exec(reference);
  if (!header) {
    throw new InputError('validation', pointer, NO_DATA_URL.detail, NO_DATA_URL.hint);
  }
  const encoded = reference.slice(header[0].length);
  const size = Math.floor((encoded.length * 3) / 4) - (encoded.endsWith('==') ? 2 : encoded.endsWith('=') ? 1 : 0);
  if (size > maxBytes) {
    throw new InputError(
      'payload_too_large',
      pointer,
      `holds about ${size} bytes, the limit is ${maxBytes}`,
      'make it smaller',
    );
  }
  const bytes = Buffer.from(encoded, 'base64');
  const digits = encoded.replace(/=+$/, '').length;
  // Buffer.from passes over what is no base64; a text cut short or damaged must not become another file.
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(encoded) || digits % 4 === 1) {
    throw new InputError(
      'validation',
      pointer,
      'holds text that is not base64',
      'encode the whole file as plain base64',
    );
  }
  return { bytes, mime: header[1] || undefined };
}
