import type { IncomingMessage } from 'node:http';
import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import type { UploadedPart } from './state.ts';
import type { Json } from './wire.ts';

/** Reads a form. Fields whose names end in `[]` become lists. */
export async function readForm(request: IncomingMessage): Promise<{ fields: Json; files: UploadedPart[] }> {
  const fields: Json = {};
  const files: UploadedPart[] = [];
  const parser = new Busboy({ headers: request.headers as BusboyHeaders });
  parser.on('field', (name, value) => {
    fields[name] = value;
  });
  parser.on('file', (field, stream, filename, _encoding, mime) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => files.push({ field, filename, mime, bytes: Buffer.concat(chunks) }));
  });
  await new Promise((resolve, reject) => {
    parser.on('finish', resolve);
    parser.on('error', reject);
    request.pipe(parser);
  });
  return { fields, files };
}
