#!/usr/bin/env node
/**
 * The `switchyard` command. What is built runs as it is; only a checkout where nothing was built yet is set up first
 * (`npm start` and `npm run build` keep it up to date).
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../../dist/cli/main.js', import.meta.url);

if (!existsSync(fileURLToPath(main))) {
  process.stderr.write('switchyard: first use in this checkout, setting it up\n');
  try {
    const { bootstrap } = await import('../../scripts/bootstrap.mjs');
    await bootstrap();
    const { build } = await import('../../scripts/build.mjs');
    await build();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
await import(main.href);
