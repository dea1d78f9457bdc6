#!/usr/bin/env node
/** `npm run verify`: everything that must hold before a change lands, in the order of what fails soonest. */
import { bootstrap } from './bootstrap.mjs';
import { join } from 'node:path';
import { root } from './lib/project.mjs';
import { runNode } from './lib/run.mjs';
import { say } from './lib/say.mjs';

const FOLDERS = ['contract', 'platform', 'workflows', 'activities', 'connectors', 'workers', 'api', 'cli'];

/** The same as the npm scripts of these names, without npm around them. */
const STEPS = [
  { name: 'formatting', file: 'node_modules/@biomejs/biome/bin/biome', args: ['format', '.'] },
  { name: 'lint', file: 'node_modules/oxlint/bin/oxlint', args: ['--type-aware', '--deny-warnings'] },
  { name: 'types', file: 'node_modules/typescript/bin/tsc', args: ['--noEmit', '-p', 'tsconfig.json'] },
  {
    name: 'boundaries',
    file: 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
    args: ['--config', '.dependency-cruiser.mjs', ...FOLDERS],
  },
  { name: 'dead code', file: 'node_modules/knip/bin/knip.js', args: [] },
  { name: 'lock file', file: 'scripts/complete-lock.mjs', args: ['--check'] },
  { name: 'tests', file: 'scripts/test.mjs', args: process.argv.slice(2) },
];

try {
  await bootstrap();
} catch (error) {
  say(error.message);
  process.exit(1);
}
for (const { name, file, args } of STEPS) {
  say(`\n== ${name}: ${file.replace('node_modules/', '')} ${args.join(' ')}`);
  const { code } = await runNode(join(root, file), args);
  if (code !== 0) {
    say(`\n${name}: failed (status ${code})`);
    process.exit(code);
  }
}
say('\nEverything holds.');
