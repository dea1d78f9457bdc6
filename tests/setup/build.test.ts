import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { projectRoot } from '../../platform/project-root.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const run = promisify(execFile);

/** A small checkout with our scripts and compiler settings. */
function checkout(): string {
  const folder = temporaryFolder();
  for (const path of ['scripts', 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json']) {
    cpSync(join(projectRoot(), path), join(folder, path), { recursive: true });
  }
  symlinkSync(join(projectRoot(), 'node_modules'), join(folder, 'node_modules'));
  write(folder, 'contract/word.ts', 'export const word: string = "one";\n');
  write(folder, 'api/page.ts', 'import { word } from "../contract/word.ts";\nexport const page = word;\n');
  write(folder, 'api/page.css', 'body {}\n');
  return folder;
}

function write(folder: string, path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** @returns whether there was anything to build */
async function build(folder: string): Promise<boolean> {
  const source = `const { build } = await import(${JSON.stringify(join(folder, 'scripts/build.mjs'))}); console.log(await build());`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return stdout.trim() === 'true';
}

describe('build', () => {
  test('builds when a source changed, and only then', async () => {
    const folder = checkout();
    expect(await build(folder)).toBe(true);
    expect(readFileSync(join(folder, 'dist/api/page.js'), 'utf8')).toContain('../contract/word.js');
    expect(readFileSync(join(folder, 'dist/api/page.css'), 'utf8')).toBe('body {}\n');
    expect(await build(folder)).toBe(false);

    write(folder, 'contract/word.ts', 'export const word: string = "other";\n');
    expect(await build(folder)).toBe(true);
    expect(readFileSync(join(folder, 'dist/contract/word.js'), 'utf8')).toContain('"other"');
  });

  test('leaves nothing of a source that is gone, and makes again what was removed', async () => {
    const folder = checkout();
    await build(folder);
    rmSync(join(folder, 'api/page.ts'));
    rmSync(join(folder, 'api/page.css'));
    await build(folder);
    expect(existsSync(join(folder, 'dist/api/page.js'))).toBe(false);
    expect(existsSync(join(folder, 'dist/api/page.css'))).toBe(false);

    rmSync(join(folder, 'dist'), { recursive: true });
    expect(await build(folder)).toBe(true);
    expect(existsSync(join(folder, 'dist/contract/word.js'))).toBe(true);
  });

  test('bundles the workflows', async () => {
    const folder = checkout();
    write(folder, 'workflows/index.ts', 'export async function hello(): Promise<string> { return "hi there"; }\n');
    await build(folder);
    expect(readFileSync(join(folder, 'dist/workflow-bundle.js'), 'utf8')).toContain('hi there');
    expect(await build(folder)).toBe(false);
  });

  test('says what the compiler says, and tries again next time', async () => {
    const folder = checkout();
    write(folder, 'contract/word.ts', 'export const word = ;\n');
    await expect(build(folder)).rejects.toThrow(/contract\/word\.ts\(1,21\): error TS1109/);
    await expect(build(folder)).rejects.toThrow(/TS1109/);
    write(folder, 'contract/word.ts', 'export const word = "mended";\n');
    expect(await build(folder)).toBe(true);
  });

  test('lets several processes at it', async () => {
    const folder = checkout();
    expect((await Promise.all([build(folder), build(folder), build(folder)])).filter(Boolean)).toHaveLength(1);
  });
});
