import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { projectRoot } from '../../platform/project-root.ts';

test('package-lock.json holds the builds for every system, or npm ci refuses it', () => {
  const check = () =>
    execFileSync(process.execPath, [join(projectRoot(), 'scripts/complete-lock.mjs'), '--check'], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  expect(check).not.toThrow();
});

test('package-lock.json names no registry of its own', () => {
  expect(readFileSync(join(projectRoot(), 'package-lock.json'), 'utf8')).not.toMatch(/"resolved": "https?:/);
});
