#!/usr/bin/env node
/**
 * Writes what is made from code: docs/configuration.md, docs/errors.md, docs/service-mapping.md, the tables of
 * docs/metrics.md and the JSON schemas in
 * config/schema/. With `--check` it writes nothing and fails when a file differs.
 */
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { build } from './build.mjs';
import { renderConfigSchemas } from './docs/config-schemas.mjs';
import { renderConfiguration } from './docs/configuration.mjs';
import { renderErrors } from './docs/errors.mjs';
import { renderMetrics } from './docs/metrics.mjs';
import { renderServiceMapping } from './docs/service-mapping.mjs';
import { dist, isMain, root } from './lib/project.mjs';
import { say } from './lib/say.mjs';

/**
 * The generated pages and schemas.
 * @param {Record<string, any>} code what they are made from: `ERROR_CODES`, `SETTINGS`, the makers of the metrics, and the schemas of pools.json,
 *   service-mapping.json and the files of REST services
 * @returns {Record<string, string>} path → content
 */
export function renderPages(code) {
  const schemaOf = (schema) => z.toJSONSchema(schema, { io: 'input' });
  return {
    'docs/configuration.md': renderConfiguration(code.SETTINGS, {
      pool: withDefaults(code.poolSchema),
      offers: withDefaults(code.offersSchema),
      scaling: withDefaults(code.scalingSchema),
    }),
    'docs/service-mapping.md': renderServiceMapping({
      mapping: schemaOf(code.serviceMappingSchema),
      connector: schemaOf(code.connectorEntrySchema),
      worker: schemaOf(code.workerEntrySchema),
      service: schemaOf(code.workerServiceSchema),
      binding: schemaOf(code.resourceBindingSchema),
    }),
    'docs/errors.md': renderErrors(code.ERROR_CODES),
    'docs/metrics.md': renderMetrics(readFileSync(join(root, 'docs/metrics.md'), 'utf8'), metricsOf(code)),
    ...renderConfigSchemas(code),
  };
}

/** The registries as they are at start, each with a line for every metric. */
function metricsOf({ ApiMetrics, createWorkerMetrics, createMachineMetrics, createScalingMetrics }) {
  const none = async () => ({ waiting: [], slots: [], states: [] });
  const listed = (registry, labels = []) =>
    registry.getMetricsAsArray().map(({ name, help, type, labelNames }) => ({
      ...{ name, help, type },
      labelNames: [...labels, ...labelNames],
    }));
  return [
    { from: 'API', metrics: listed(new ApiMetrics(() => 0, none).registry) },
    { from: 'Pool workers', metrics: listed(createWorkerMetrics().registry) },
    { from: 'Scaler', metrics: listed(createScalingMetrics().registry) },
    {
      from: 'Machines',
      metrics: listed(
        createMachineMetrics('', () => undefined),
        ['machine'],
      ),
    },
  ];
}

/** The JSON schema leaves out defaults of numbers that may be written as text; an empty document tells them. */
function withDefaults(schema) {
  const { properties, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  const parsed = schema.parse({});
  const filled = Object.entries(properties).map(([name, property]) => {
    const known = property.default ?? parsed[name];
    return [name, known === undefined || typeof known === 'object' ? property : { ...property, default: known }];
  });
  return { ...rest, properties: Object.fromEntries(filled) };
}

const SOURCES = [
  'contract/errors.js',
  'platform/config/settings.js',
  'platform/catalog/pools.schema.js',
  'platform/scaling/policy.schema.js',
  'platform/catalog/service-mapping.schema.js',
  'connectors/rest/service.schema.js',
  'api/metrics.js',
  'workers/process/worker-metrics.js',
  'workers/machine/machine-metrics.js',
  'workers/scaling/scaling-metrics.js',
];

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
  const modules = await Promise.all(SOURCES.map((path) => import(pathToFileURL(join(dist, path)).href)));
  const pages = renderPages(Object.assign({}, ...modules));
  const stale = await stalePages(pages);
  if (process.argv.includes('--check')) {
    if (stale.length > 0) {
      say(`Not what the code says any more: ${stale.join(', ')}. Run: node scripts/generate-docs.mjs`);
      process.exitCode = 1;
    }
  } else {
    for (const path of stale) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), pages[path]);
    }
    say(stale.length > 0 ? `Written: ${stale.join(', ')}` : 'The pages are up to date');
  }
}
