import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from './repository.ts';

interface PackageFile {
  license?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

function packageFile(folder: string): PackageFile {
  return JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as PackageFile;
}

/** The rows of one section of docs/dependencies.md. */
function rows(section: string): { name: string; licence: string; why: string }[] {
  const page = readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8');
  const part = page.split('\n## ').find((text) => text.startsWith(section)) ?? '';
  return [...part.matchAll(/^\| `(\S+)` \| (.+?) \| (.+?) \|$/gm)].map(([, name = '', licence = '', why = '']) => {
    return { name, licence, why };
  });
}

test.each([
  ['At run time', 'dependencies'],
  ['For development', 'devDependencies'],
] as const)('docs/dependencies.md, "%s": a line for each package and no other', (section, key) => {
  const names = rows(section).map((row) => row.name);
  expect(names.toSorted()).toEqual(Object.keys(packageFile('.')[key] ?? {}).toSorted());
});

test.each([...rows('At run time'), ...rows('For development')])('$name: licence as installed, and a reason', (row) => {
  expect(packageFile(join('node_modules', row.name)).license).toBe(row.licence);
  expect(row.why.length).toBeGreaterThan(15);
});
