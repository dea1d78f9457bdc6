import type { Request } from 'express';
import type { ArtifactRef } from '../../contract/artifact.ts';
import type { FieldError } from '../../contract/errors.ts';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { pointerTo } from '../../platform/routing/check-shape.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { readMultipart } from '../http/multipart.ts';
import { mediaType, parseJson, readJson } from '../http/read-body.ts';
import { receiveInput } from './receive-input.ts';

/** JSON bodies must be here within this time. Milliseconds. */
export const BODY_TIMEOUT_MS = 20_000;
/** Longest silence of an uploading client. Milliseconds. */
export const UPLOAD_IDLE_MS = 30_000;
const MAX_FILES = 32;

interface UploadedFile {
  field: string;
  ref: ArtifactRef;
}

/** A body up to this is read though it is too large, so that the answer can name the field it is too large by. Bytes. */
const READ_ANYWAY = 4_194_304;

/** White space and escapes may make a body longer than the document in it, which has a limit of its own. */
function bodyLimit(maxPayloadBytes: number): number {
  return Math.max(maxPayloadBytes * 2 + 65_536, READ_ANYWAY);
}

/**
 * The job document of a submit request: JSON, or a form whose part `job` is the document and whose files go to the
 * artifact store, with their references put into the payload.
 */
export async function readJobDocument(api: ApiContext, req: Request): Promise<unknown> {
  if (mediaType(req) !== 'multipart/form-data') {
    return readJson(req, { maxBytes: bodyLimit(api.config.maxPayloadBytes), timeoutMs: BODY_TIMEOUT_MS });
  }
  const { document, files } = await readForm(api, req);
  return files.length > 0 ? withFiles(document, files, api) : document;
}

async function readForm(api: ApiContext, req: Request): Promise<{ document: unknown; files: UploadedFile[] }> {
  const limit = bodyLimit(api.config.maxPayloadBytes);
  const files: UploadedFile[] = [];
  let document: { value: unknown } | undefined;
  const take = (bytes: Buffer) => {
    if (document) throw new HttpProblem('malformed', 'There are two parts named "job"; send one');
    document = { value: parseJson(bytes) };
  };
  await readMultipart(
    req,
    { maxFieldBytes: limit, maxFiles: MAX_FILES, idleMs: UPLOAD_IDLE_MS },
    {
      onField(name, value) {
        if (name === 'job') take(Buffer.from(value, 'utf8'));
        else
          throw new HttpProblem(
            'malformed',
            `The part "${name}" has no file name; only "job" is text, the rest are files`,
          );
      },
      async onFile(name, content, fileName, mime) {
        if (name === 'job') take(await readPart(content, limit));
        else files.push({ field: name, ref: await receiveInput(api, content, fileName, mime) });
      },
    },
  );
  if (!document) throw new HttpProblem('malformed', 'The form has no part "job" with the job document');
  return { document: document.value, files };
}

async function readPart(content: NodeJS.ReadableStream, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes)
      throw new HttpProblem('payload_too_large', `The part "job" is over the limit of ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function withFiles(document: unknown, files: UploadedFile[], api: ApiContext): unknown {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return document;
  const job = document as Record<string, unknown>;
  const payload = job['payload'] ?? {};
  const manifest = typeof job['service'] === 'string' ? api.catalog.services.get(job['service'])?.manifest : undefined;
  // A document that is wrong in these ways is refused for them when it is validated.
  if (!manifest || typeof payload !== 'object' || Array.isArray(payload)) return document;
  const errors = files.flatMap((file) => mistakeOf(file, files, manifest, payload as Record<string, unknown>) ?? []);
  if (errors.length > 0) {
    const [first] = errors;
    throw new HttpProblem('validation', `${first!.pointer} ${first!.detail}; ${first!.hint}`, { errors });
  }
  return { ...job, payload: { ...payload, ...Object.fromEntries(files.map((file) => [file.field, file.ref.uri])) } };
}

function mistakeOf(
  { field, ref }: UploadedFile,
  files: UploadedFile[],
  manifest: ServiceManifest,
  payload: Record<string, unknown>,
): FieldError | undefined {
  const pointer = pointerTo('/payload', field);
  const input = manifest.inputs.find((one) => one.field === field);
  if (!input) {
    const names = manifest.inputs.map((one) => one.field).join(', ');
    return {
      pointer,
      detail: `is no file input of ${manifest.service}`,
      hint: names ? `files go into: ${names}` : 'it takes no files',
    };
  }
  if (Object.hasOwn(payload, field)) {
    return { pointer, detail: 'is given as a file and in the document too', hint: 'leave one of them out' };
  }
  if (files.find((one) => one.field === field)?.ref !== ref) {
    return { pointer, detail: 'has more than one file', hint: 'send one' };
  }
  if (input.mime.length > 0 && !input.mime.some((mime) => matches(mime, ref.mime))) {
    return {
      pointer,
      detail: ref.bytes === 0 ? 'is an empty file' : `is ${ref.mime}`,
      hint: `send one of: ${input.mime.join(', ')}`,
    };
  }
  return undefined;
}

function matches(pattern: string, mime: string): boolean {
  return pattern === '*/*' || pattern === mime || (pattern.endsWith('/*') && mime.startsWith(pattern.slice(0, -1)));
}

/**
 * The body of a small request, for routes that take an optional document.
 * @param maxBytes default: 64 KiB
 */
export function readOptionalJson(req: Request, maxBytes = 65_536): Promise<unknown> {
  return readJson(req, { maxBytes, timeoutMs: BODY_TIMEOUT_MS }, true);
}
