import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { transformSync } from '@swc/core';
import { ROOT } from '../house/repository.ts';

const RELATIVE_IMPORT = /(from\s+|import\s+)'(\.{1,2}\/[^']+)\.ts'/g;

/**
 * A TypeScript file of the tests, with what it imports relatively, as JavaScript that plain node runs. Made once for the
 * same sources; it lies below node_modules, where packages are found.
 * @returns the path of the program
 */
export function compileProgram(file: string): string {
  const entry = resolve(ROOT, file);
  const sources = new Map<string, string>();
  collect(entry, sources);
  const hash = createHash('sha256')
    .update(JSON.stringify([...sources]))
    .digest('hex')
    .slice(0, 16);
  const folder = join(ROOT, 'node_modules', '.cache', 'switchyard-programs', hash);
  const target = (source: string) => join(relative(ROOT, source).replace(/\.ts$/, '.js'));
  if (!existsSync(folder)) {
    const part = `${folder}.${process.pid}`;
    for (const [source, code] of sources) {
      const { code: js } = transformSync(code, {
        filename: source,
        jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
      });
      const path = join(part, target(source));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, js.replace(/((?:from|import)\s*["']\.{1,2}\/[^"']+)\.ts(["'])/g, '$1.js$2'));
    }
    writeFileSync(join(part, 'package.json'), '{"type":"module"}');
    try {
      renameSync(part, folder);
    } catch {
      // Another test was first.
      rmSync(part, { recursive: true, force: true });
    }
  }
  return join(folder, target(entry));
}

function collect(file: string, sources: Map<string, string>): void {
  if (sources.has(file)) return;
  const code = readFileSync(file, 'utf8');
  sources.set(file, code);
  for (const [, , path] of code.matchAll(RELATIVE_IMPORT)) collect(resolve(dirname(file), `${path}.ts`), sources);
}
