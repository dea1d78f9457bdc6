import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import type { PlannedFile } from './scaffold-plan.ts';

const FORMATTED = new Set(['.ts', '.json']);

/**
 * Writes what was planned: new files only where there is none, changed ones only if they are as they were when the plan
 * was made. When something fails, nothing stays.
 */
export function writePlan(root: string, files: readonly PlannedFile[]): void {
  const undo: (() => void)[] = [];
  try {
    for (const { path, content, before } of files) {
      const file = resolve(root, path);
      if (before === undefined) {
        const made = mkdirSync(dirname(file), { recursive: true });
        if (made) undo.push(() => rmSync(made, { recursive: true, force: true }));
        writeFileSync(file, content, { flag: 'wx' });
        undo.push(() => rmSync(file, { force: true }));
      } else {
        if (readFileSync(file, 'utf8') !== before) throw new Error(`${path} has changed meanwhile`);
        replace(file, content);
        undo.push(() => replace(file, before));
      }
    }
  } catch (error) {
    for (const step of undo.toReversed()) step();
    const { code, message } = error as NodeJS.ErrnoException;
    const text = code === 'EEXIST' ? `another file was there first: ${message}` : message;
    throw new CliError(EXIT.error, text, { hint: 'Nothing was written.', cause: error });
  }
}

/**
 * Lets the project's formatter go over new code, whose lines got longer or shorter with the name. Without one (a
 * checkout without development packages) the code stays as it is.
 */
export async function formatFiles(root: string, files: readonly PlannedFile[]): Promise<void> {
  const formatter = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const paths = files.map(({ path }) => resolve(root, path)).filter((path) => FORMATTED.has(extname(path)));
  if (!existsSync(formatter)) return;
  await new Promise<void>((done) => {
    execFile(process.execPath, [formatter, 'format', '--write', ...paths], { cwd: root }, () => done());
  });
}

/** Whole or not at all, also for somebody who reads it at this moment. */
function replace(file: string, content: string): void {
  const part = `${file}.${process.pid}.part`;
  writeFileSync(part, content);
  renameSync(part, file);
}
