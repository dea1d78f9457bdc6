import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Writes the whole file or nothing: readers never see half of it. */
export function writeJsonFile(path: string, value: unknown): void {
  const part = `${path}.${process.pid}.part`;
  writeFileSync(part, `${JSON.stringify(value, undefined, 2)}\n`);
  renameSync(part, path);
}

/** undefined when there is no such file, or no JSON in it */
export function readJsonFile<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

export function removeFile(path: string): void {
  rmSync(path, { force: true });
}
