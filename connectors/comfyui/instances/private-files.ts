import { mkdirSync } from 'node:fs';
import { chmod, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeDurably } from '../../../platform/artifacts/durable-file.ts';

/** For the owner's eyes alone: these files hold keys. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Makes a folder that nobody but the owner can look into; one that is there stays as it is. */
export function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
}

/** Writes the whole file or nothing; nobody but the owner can read it. */
export async function writePrivateJson(path: string, value: unknown): Promise<void> {
  const folder = dirname(path);
  makePrivateFolder(folder);
  await writeDurably(path, `${JSON.stringify(value, undefined, 2)}\n`, folder, FILE_MODE);
}

/** @returns undefined when there is no such file */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** JSON of a file of our own that may be lost: undefined when it is not there, or damaged. */
export async function readOwnJson<T>(path: string): Promise<T | undefined> {
  try {
    const value: unknown = JSON.parse((await readText(path)) ?? 'null');
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether a file has been written since; undefined stands for no file. */
export async function versionOf(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && `${found.ino} ${found.size} ${found.mtimeMs}`;
}

/** A file that somebody has copied here may be open to everybody. Systems without such modes are left alone. */
export async function closeToOthers(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const found = await stat(path).catch(() => undefined);
  if (found && (found.mode & 0o077) !== 0) await chmod(path, FILE_MODE).catch(() => {});
}
