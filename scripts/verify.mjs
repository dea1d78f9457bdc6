#!/usr/bin/env node
/** `npm run verify`: everything that must hold before a change lands, in the order of what fails soonest. */
import { bootstrap } from './bootstrap.mjs';
import { join } from 'node:path';
import { root } from './lib/project.mjs';
import { runNode } from './lib/run.mjs';
import { say } from './lib/say.mjs';

const FOLDERS = ['contract', 'platform', 'workflows', 'activities', 'connectors', 'workers', 'api', 'cli'];

/** Name, file of the program, arguments. The same as the npm scripts of these names, without npm around them. */
const STEPS = [
  ['formatting', 'node_modules/@biomejs/biome/bin/biome', ['format', '.']],
  ['lint', 'node_modules/oxlint/bin/oxlint', ['--type-aware', '--deny-warnings']],
  ['types', 'node_modules/typescript/bin/tsc', ['--noEmit', '-p', 'tsconfig.json']],
  [
    'boundaries',
    'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
    ['--config', '.dependency-cruiser.mjs', ...FOLDERS],
  ],
  ['dead code', 'node_modules/knip/bin/knip.js', []],
  ['lock file', 'scripts/complete-lock.mjs', ['--check']],
  ['tests', 'scripts/test.mjs', process.argv.slice(2)],
];

try {
  await bootstrap();
} catch (error) {
  say(error.message);
  process.exit(1);
}
for (const [name, file, args] of STEPS) {
  say(`\n== ${name}: ${file.replace('node_modules/', '')} ${args.join(' ')}`);
  const { code } = await runNode(join(root, file), args);
  if (code !== 0) {
    say(`\n${name}: failed (status ${code})`);
    process.exit(code);
  }
}
say('\nEverything holds.');
