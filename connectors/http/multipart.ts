import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

/** A part of a form: a text, or a file on this machine. */
export type FormPart =
  | { name: string; value: string }
  | { name: string; file: { path: string; name: string; mime: string; bytes: number } };

/**
 * A `multipart/form-data` body (RFC 7578) that streams its files from the disk and can be made again for a retry.
 * Hand `body` and `headers` to a request.
 */
export function multipartBody(parts: readonly FormPart[]): { body: () => Readable; headers: Record<string, string> } {
  const boundary = `switchyard-${randomBytes(12).toString('hex')}`;
  const heads = parts.map((part) => Buffer.from(`--${boundary}\r\n${headOf(part)}\r\n\r\n`));
  const end = Buffer.from(`--${boundary}--\r\n`);
  const length = parts.reduce((sum, part, index) => sum + heads[index]!.length + sizeOf(part) + 2, end.length);

  async function* content(): AsyncGenerator<Buffer> {
    for (const [index, part] of parts.entries()) {
      yield heads[index]!;
      if ('file' in part) yield* createReadStream(part.file.path) as AsyncIterable<Buffer>;
      else yield Buffer.from(part.value);
      yield Buffer.from('\r\n');
    }
    yield end;
  }

  return {
    body: () => Readable.from(content(), { objectMode: false }),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': String(length) },
  };
}

function headOf(part: FormPart): string {
  const name = `Content-Disposition: form-data; name="${escaped(part.name)}"`;
  if (!('file' in part)) return name;
  return `${name}; filename="${escaped(part.file.name)}"\r\nContent-Type: ${part.file.mime.replace(/[\r\n]/g, '')}`;
}

function sizeOf(part: FormPart): number {
  return 'file' in part ? part.file.bytes : Buffer.byteLength(part.value);
}

/** As browsers do (WHATWG, "multipart/form-data encoding algorithm"). */
function escaped(text: string): string {
  return text.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
}
