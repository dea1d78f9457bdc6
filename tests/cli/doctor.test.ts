import { expect, test } from '@jest/globals';
import { diskFinding } from '../../cli/doctor/check-data-dir.ts';
import { checkNode } from '../../cli/doctor/check-installation.ts';

test.each([
  ['20.18.9', 'fail'],
  ['18.20.0', 'fail'],
  ['20.19.0', 'ok'],
  ['22.0.0', 'ok'],
])('Node.js %s: %s', (version, level) => {
  expect(checkNode(version).level).toBe(level);
});

test.each([
  [100_000_000, 'fail'],
  [1_000_000_000, 'warn'],
  [50_000_000_000, 'ok'],
])('%d bytes free: %s', (free, level) => {
  const found = diskFinding(free);
  expect(found.level).toBe(level);
  expect(found.fix === undefined).toBe(level === 'ok');
});
