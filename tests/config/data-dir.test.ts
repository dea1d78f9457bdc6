import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../platform/config/config-error.ts';
import { lookAtDataDir, prepareDataDir } from '../../platform/config/data-dir.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

/** What starting on it says. */
function refusal(dataDir: string): string {
  try {
    prepareDataDir(dataDir);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return '';
}

describe('the data directory', () => {
  test('is made with the folders above it, through a link too, and the probe leaves nothing behind', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'elsewhere'));
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'link'));
    prepareDataDir(join(folder, 'link', 'a b', 'data'));
    expect(readdirSync(join(folder, 'elsewhere', 'a b', 'data'))).toEqual([]);
    prepareDataDir(join(folder, 'link'));
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual(['a b']);
  });

  test('a file in its place, or in the place of a folder above it, is named', () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'data')]) {
      expect(refusal(path)).toContain(`SWITCHYARD_DATA_DIR: ${file} is a file, not a folder`);
      expect(refusal(path)).toContain('Set SWITCHYARD_DATA_DIR to another folder');
    }
  });

  test('a link that leads nowhere is named', () => {
    const folder = temporaryFolder();
    const [dangling, circle] = [join(folder, 'dangling'), join(folder, 'circle')];
    symlinkSync(join(folder, 'nothing'), dangling);
    symlinkSync(circle, circle);
    expect(refusal(dangling)).toContain(`${dangling} is a link that leads to something that is not there`);
    expect(refusal(join(circle, 'data'))).toContain(`${circle} is a link that leads nowhere (ELOOP)`);
  });

  // Node never comes back from making a folder with its parents in there.
  test('a place where no folder can be made is told at once', () => {
    if (process.platform !== 'linux') return;
    expect(refusal('/proc/switchyard/data')).toMatch(/\/proc\/switchyard\/data cannot be made: /);
    expect(lookAtDataDir('/proc/switchyard')).toMatchObject({ existing: '/proc' });
  });
});
