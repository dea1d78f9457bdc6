#!/usr/bin/env node
/** `npm run bench`: installs and builds what is missing, then measures. */
import { bootstrap } from './bootstrap.mjs';
import { dist, has } from './lib/project.mjs';
import { runNode } from './lib/run.mjs';
import { say } from './lib/say.mjs';

try {
  await bootstrap();
  const { build } = await import('./build.mjs');
  await build();
  if (!has('dist/bench/main.js')) throw new Error('There is no bench/main.ts to run');
  process.exitCode = (await runNode(`${dist}/bench/main.js`, process.argv.slice(2))).code;
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
