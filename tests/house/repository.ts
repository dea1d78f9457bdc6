import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the repository. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

export interface ToolRun {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the program of an installed package with this very Node; never rejects on a non-zero exit. */
export function runTool(script: string, args: string[], cwd = ROOT): Promise<ToolRun> {
  return new Promise((done) => {
    const options = { cwd, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' } };
    execFile(process.execPath, [join(ROOT, script), ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      done({ code, stdout, stderr });
    });
  });
}

/**
 * A throw-away project with this repository's packages and the named configuration files, to plant faults in.
 * @param files path → content
 */
export function plant(files: Record<string, string>, configuration: string[]): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'switchyard-house-'));
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  for (const name of configuration) cpSync(join(ROOT, name), join(dir, name));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Files below a folder of the repository, relative to its root; nothing when there is no such folder. */
export function filesUnder(folder: string, suffix: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, entry);
    if (path.endsWith(suffix) && !path.includes('node_modules') && statSync(join(ROOT, path)).isFile())
      found.push(path);
  }
  return found.toSorted();
}
