import { describe, expect, test } from '@jest/globals';
import { decodeJobFolder, encodeJobFolder } from '../../platform/artifacts/job-folder.ts';
import { safeFileName } from '../../platform/artifacts/safe-name.ts';

describe('safeFileName', () => {
  test.each([
    ['picture.png', 'picture.png'],
    ['Überblick 東京 🚂.png', 'Überblick 東京 🚂.png'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\pic.png', 'pic.png'],
    ['.bashrc', 'bashrc'],
    ['...', 'file'],
    ['', 'file'],
    ['a/', 'file'],
    ['  spaced  ', 'spaced'],
    ['bell\u0007\u0000null\n.txt', 'bellnull.txt'],
    ['gpj.\u202eexe', 'gpj.exe'],
    ['a<b>:"|?*.txt', 'a_b______.txt'],
    ['\ud800lonely', '\ufffdlonely'],
  ])('%j becomes %j', (name, expected) => {
    expect(safeFileName(name)).toBe(expected);
  });

  test('a long name keeps its extension and whole characters', () => {
    const name = safeFileName(`${'駅'.repeat(200)}.webp`);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(180);
    expect(name).toMatch(/^駅+\.webp$/);
  });

  test.each([
    ['picture.png', 'picture-2.png'],
    ['archive.tar.gz', 'archive.tar-2.gz'],
    ['README', 'README-2'],
    ['..', 'file-2'],
    [`${'x'.repeat(300)}.png`, `${'x'.repeat(174)}-2.png`],
  ])('a suffix for %j stands before the extension', (name, expected) => {
    expect(safeFileName(name, '-2')).toBe(expected);
    expect(safeFileName(safeFileName(name, '-2'))).toBe(expected);
  });
});

describe('job folders', () => {
  test('an id of ours is its own folder', () => {
    expect(encodeJobFolder('01hz8k3v9qy2c4m5n6p7r8s9t0')).toBe('01hz8k3v9qy2c4m5n6p7r8s9t0');
  });

  test.each(['a/b c', '..', '.', 'UPPER', 'upper', 'ünï', '~41', 'A', 'a%2fb', '\u0000'])('%j comes back', (id) => {
    const folder = encodeJobFolder(id);
    expect(folder).toMatch(/^[a-z0-9_~-]+$/);
    expect(decodeJobFolder(folder)).toBe(id);
  });

  test('different ids never share a folder, also on a file system that ignores case', () => {
    const ids = ['a', 'A', '~41', 'a/b', 'a~2fb', 'x'.repeat(201), 'x'.repeat(202), ''];
    expect(new Set(ids.map((id) => encodeJobFolder(id).toLowerCase())).size).toBe(ids.length);
  });

  test('foreign folder names have no id', () => {
    expect(decodeJobFolder('Not Ours')).toBeUndefined();
    expect(decodeJobFolder(encodeJobFolder('x'.repeat(300)))).toBeUndefined();
  });
});
