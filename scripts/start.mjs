#!/usr/bin/env node
/** `npm start`: installs and builds what is missing, then runs everything until Ctrl-C. */
import { bootstrap } from './bootstrap.mjs';
import { say } from './lib/say.mjs';

const startedAt = Date.now();
try {
  await bootstrap();
  const { build } = await import('./build.mjs');
  await build();
} catch (error) {
  say(error.message);
  process.exit(1);
}
const { main } = await import('../dist/cli/stack/main.js');
await main(startedAt);
