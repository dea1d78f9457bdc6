import { createHash } from 'node:crypto';

const PLAIN = /[a-z0-9_-]/;
const MAX_ENCODED = 200;

/**
 * Folder name of a job. Ids of ours are their own folder name; ids of jobs started with the `temporal` CLI may hold
 * anything (`a/b c`, `..`, capitals that a case-blind file system would mix up), so every other byte becomes `~` and
 * two hex digits. An id that grows past 200 characters becomes `~~` and its SHA-256; the job's own record keeps the id.
 */
export function encodeJobFolder(jobId: string): string {
  let folder = '';
  for (const byte of Buffer.from(jobId, 'utf8')) {
    const character = String.fromCharCode(byte);
    folder += PLAIN.test(character) ? character : `~${byte.toString(16).padStart(2, '0')}`;
  }
  if (folder.length > 0 && folder.length <= MAX_ENCODED) return folder;
  return `~~${createHash('sha256').update(jobId).digest('hex')}`;
}

/** Reverse of {@link encodeJobFolder}; undefined for a hashed or foreign folder name. */
export function decodeJobFolder(folder: string): string | undefined {
  if (!/^(?:[a-z0-9_-]|~[0-9a-f]{2})+$/.test(folder)) return undefined;
  const bytes = folder.replace(
    /~([0-9a-f]{2})|(.)/g,
    (_, hex: string | undefined, plain: string) => hex ?? plain.charCodeAt(0).toString(16),
  );
  return Buffer.from(bytes, 'hex').toString('utf8');
}
