import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from '@jest/globals';
import { filesUnder, ROOT } from './repository.ts';

const PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...filesUnder('docs', '.md')];
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** The anchors GitHub gives the headings of a page. */
function anchors(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Links and pictures that lead nowhere inside the repository. */
function brokenLinks(page: string): string[] {
  const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : normalize(join(dirname(page), path));
    if (!existsSync(join(ROOT, file))) return true;
    return anchor !== undefined && !anchors(file).includes(anchor);
  });
}

test('there are pages to look at', () => {
  expect(PAGES).toContain(join('docs', 'architecture.md'));
});

test.each(PAGES)('%s: its links lead somewhere', (page) => {
  expect(brokenLinks(page)).toEqual([]);
});

test('every page of docs/ can be reached from the README', () => {
  const missing = filesUnder('docs', '.md').filter((page) => !read('README.md').includes(`](${page})`));
  expect(missing).toEqual([]);
});
