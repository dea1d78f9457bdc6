import { readFile } from 'node:fs/promises';
import { ConnectorError } from '../contract/connector-error.ts';
import type { InputFile, JobContext } from '../contract/job-context.ts';
import type { ImagePayload } from './image-payload.schema.ts';

const EXTENSIONS: Readonly<Record<string, string>> = { 'image/png': 'png', 'image/jpeg': 'jpg', 'image/webp': 'webp' };
/** What the API takes of one picture. Bytes. */
const MAX_PICTURE = 50_000_000;
const MAX_MASK = 4_000_000;

export interface EditInputs {
  pictures: File[];
  mask: File | undefined;
}

/**
 * The pictures an edit starts from; undefined when a new one is wanted.
 * @throws ConnectorError `validation` for what the API takes no picture of
 */
export async function readEditInputs(payload: ImagePayload, context: JobContext): Promise<EditInputs | undefined> {
  if (payload.image === undefined) return undefined;
  const named = [
    { reference: payload.image, pointer: '/payload/image' },
    ...(payload.images ?? []).map((reference, index) => ({ reference, pointer: `/payload/images/${index}` })),
  ];
  const pictures: File[] = [];
  for (const { reference, pointer } of named) {
    const file = await context.openInput(reference, pointer);
    pictures.push(await asFile(file, pointer, Object.keys(EXTENSIONS), MAX_PICTURE, `image-${pictures.length + 1}`));
  }
  const mask = payload.mask === undefined ? undefined : await context.openInput(payload.mask, '/payload/mask');
  return {
    pictures,
    mask: mask && (await asFile(mask, '/payload/mask', ['image/png'], MAX_MASK, 'mask')),
  };
}

async function asFile(
  file: InputFile,
  pointer: string,
  mimes: string[],
  maxBytes: number,
  stem: string,
): Promise<File> {
  const refuse = (detail: string, hint: string) =>
    new ConnectorError('validation', `${pointer} ${detail}; ${hint}`, { errors: [{ pointer, detail, hint }] });
  if (!mimes.includes(file.mime)) throw refuse(`is ${file.mime}`, `give one of: ${mimes.join(', ')}`);
  if (file.bytes > maxBytes) throw refuse(`has ${file.bytes} bytes`, `the API takes at most ${maxBytes}`);
  return new File([await readFile(file.path)], `${stem}.${EXTENSIONS[file.mime]}`, { type: file.mime });
}
