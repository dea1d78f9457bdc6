#!/usr/bin/env node
/**
 * Writes the pages of docs/ that are made from code: docs/configuration.md and docs/errors.md. With `--check` it writes
 * nothing and fails when a page differs.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from './build.mjs';
import { renderConfiguration } from './docs/configuration.mjs';
import { renderErrors } from './docs/errors.mjs';
import { dist, isMain, root } from './lib/project.mjs';
import { say } from './lib/say.mjs';

/**
 * The generated pages.
 * @param {(path: string) => Promise<Record<string, any>>} load gives a module of the project by its source path
 * @returns {Promise<Record<string, string>>} path → content
 */
export async function renderPages(load) {
  const { ERROR_CODES } = await load('contract/errors.ts');
  const { SETTINGS } = await load('platform/config/settings.ts');
  const { poolSchema, offersSchema } = await load('platform/catalog/pools.schema.ts');
  const mapping = await load('platform/catalog/service-mapping.schema.ts');
  const { z } = await import('zod');
  const schemaOf = (schema) => z.toJSONSchema(schema, { io: 'input' });
  return {
    'docs/configuration.md': renderConfiguration(SETTINGS, {
      pool: schemaOf(poolSchema),
      offers: schemaOf(offersSchema),
      connector: schemaOf(mapping.connectorEntrySchema),
      worker: schemaOf(mapping.workerEntrySchema),
      service: schemaOf(mapping.workerServiceSchema),
    }),
    'docs/errors.md': renderErrors(ERROR_CODES),
  };
}

/** Pages whose file on disk is not what the code says. */
async function stalePages(pages) {
  const stale = [];
  for (const [path, content] of Object.entries(pages)) {
    const present = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (present !== content) stale.push(path);
  }
  return stale;
}

if (isMain(import.meta.url)) {
  await build();
  const pages = await renderPages((path) => import(pathToFileURL(join(dist, path.replace(/\.ts$/, '.js'))).href));
  const stale = await stalePages(pages);
  if (process.argv.includes('--check')) {
    if (stale.length > 0) {
      say(`Not what the code says any more: ${stale.join(', ')}. Run: node scripts/generate-docs.mjs`);
      process.exitCode = 1;
    }
  } else {
    for (const path of stale) await writeFile(join(root, path), pages[path]);
    say(stale.length > 0 ? `Written: ${stale.join(', ')}` : 'The pages are up to date');
  }
}
