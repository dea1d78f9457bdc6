import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { basename, isAbsolute, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SNIFF_BYTES, sniffMime } from '../artifacts/sniff-mime.ts';
import { InputError } from './input-error.ts';
import type { InputFile } from './input-file.ts';
import { NO_FILE_REFERENCE } from './reference-form.ts';

export interface LocalFileOptions {
  /** What relative paths start from. */
  projectDir: string;
  /** Absolute folders whose files may be named. */
  roots: readonly string[];
  maxBytes: number;
  pointer: string;
  signal: AbortSignal;
}

/**
 * A `file:` reference: a path relative to the project, or an absolute one, in either case below an allowed folder once
 * all symbolic links are resolved.
 * @throws InputError `permission` outside of them, whether or not there is such a file
 */
export async function openLocalFile(reference: string, options: LocalFileOptions): Promise<InputFile> {
  const { pointer } = options;
  const path = resolve(options.projectDir, pathOf(reference, pointer));
  const real = await resolveAllowed(path, options);
  const info = await stat(real);
  if (!info.isFile()) throw new InputError('validation', pointer, 'names something that is no file', 'name a file');
  if (info.size > options.maxBytes) {
    throw new InputError(
      'payload_too_large',
      pointer,
      `is ${info.size} bytes, the limit is ${options.maxBytes}`,
      'make it smaller, or raise SWITCHYARD_MAX_UPLOAD_BYTES',
    );
  }
  const [sha256, mime] = await Promise.all([hashOf(real, options.signal), mimeOf(real)]);
  return { path: real, name: basename(path), bytes: info.size, sha256, mime };
}

function pathOf(reference: string, pointer: string): string {
  const plain = reference.slice('file:'.length);
  try {
    const path = plain.startsWith('//') ? fileURLToPath(reference) : plain;
    if (path !== '' && !path.includes('\0')) return path;
  } catch {
    // Falls through to the same answer.
  }
  throw new InputError('validation', pointer, NO_FILE_REFERENCE.detail, NO_FILE_REFERENCE.hint);
}

async function resolveAllowed(path: string, options: LocalFileOptions): Promise<string> {
  const { roots, pointer } = options;
  const realRoots = (await Promise.all(roots.map((root) => realpath(root).catch(() => undefined)))).filter(
    (root) => root !== undefined,
  );
  let real: string | undefined;
  try {
    real = await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES'].includes(code ?? '')) throw error;
  }
  if (real !== undefined && realRoots.some((root) => isInside(root, real))) return real;
  // Said alike for what exists and what does not: nobody learns what lies elsewhere.
  if (real !== undefined || ![...roots, ...realRoots].some((root) => isInside(root, path))) {
    throw new InputError(
      'permission',
      pointer,
      'names a file outside of the allowed folders',
      `allowed are ${roots.join(', ') || 'none'} (SWITCHYARD_INPUT_ROOTS on the worker); or upload the file`,
    );
  }
  throw new InputError(
    'not_found',
    pointer,
    `names a file that is not there: ${path}`,
    'mend the path; it is looked up on the worker',
  );
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}

async function hashOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { signal })) hash.update(chunk as Buffer);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  return hash.digest('hex');
}

async function mimeOf(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const head = Buffer.alloc(SNIFF_BYTES);
    const { bytesRead } = await handle.read(head, 0, SNIFF_BYTES, 0);
    return await sniffMime(head.subarray(0, bytesRead), bytesRead < SNIFF_BYTES);
  } finally {
    await handle.close();
  }
}
