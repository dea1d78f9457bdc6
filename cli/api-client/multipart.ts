import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import type { UploadFile } from '../input/inputs.ts';

/** A multipart/form-data body (RFC 7578) whose length is known before a byte of it is read. */
export interface MultipartBody {
  contentType: string;
  length: number;
  /** @throws CliError when a file has become shorter than it was, or cannot be read */
  parts(): AsyncGenerator<string | Buffer>;
}

/**
 * Part `job` is the document, each file a part named after its payload field.
 * @param onBytes called with the number of file bytes read since the last call
 */
export function multipartBody(
  document: unknown,
  files: readonly UploadFile[],
  onBytes: (bytes: number) => void = () => {},
): MultipartBody {
  const boundary = `switchyard-${randomBytes(16).toString('hex')}`;
  const job = `${partHead(boundary, 'job')}${JSON.stringify(document)}\r\n`;
  const headed = files.map((file) => ({ file, head: partHead(boundary, file.field, file.name) }));
  const tail = `--${boundary}--\r\n`;
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length: headed.reduce(
      (sum, { file, head }) => sum + Buffer.byteLength(head) + file.bytes + 2,
      Buffer.byteLength(job) + Buffer.byteLength(tail),
    ),
    async *parts() {
      yield job;
      for (const { file, head } of headed) {
        yield head;
        for await (const chunk of fileContent(file)) {
          yield chunk;
          onBytes(chunk.length);
        }
        yield '\r\n';
      }
      yield tail;
    },
  };
}

/** Exactly as many bytes as were measured: the length has been announced. */
async function* fileContent(file: UploadFile): AsyncGenerator<Buffer> {
  if (file.bytes === 0) return;
  let left = file.bytes;
  try {
    for await (const chunk of createReadStream(file.path, { end: file.bytes - 1 }) as AsyncIterable<Buffer>) {
      left -= chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw new CliError(EXIT.error, `${file.path} could not be read to its end: ${(error as Error).message}`);
  }
  if (left > 0) throw new CliError(EXIT.error, `${file.path} became shorter while it was being sent`);
}

function partHead(boundary: string, name: string, fileName?: string): string {
  const disposition = `form-data; name="${quoted(name)}"${fileName === undefined ? '' : `; filename="${quoted(fileName)}"`}`;
  const type = fileName === undefined ? 'application/json' : 'application/octet-stream';
  return `--${boundary}\r\nContent-Disposition: ${disposition}\r\nContent-Type: ${type}\r\n\r\n`;
}

/** As browsers write it (HTML, multipart/form-data encoding algorithm). */
function quoted(text: string): string {
  return text.replace(/["\r\n]/g, (character) => encodeURIComponent(character));
}
