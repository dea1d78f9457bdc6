import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { plant, ROOT, runTool } from './repository.ts';

const FOLDERS = ['contract', 'platform', 'workflows', 'activities', 'connectors', 'workers', 'api', 'cli'];

/** Files that stand for a healthy project: none of these may be found fault with. */
const SOUND: Record<string, string> = {
  'contract/plain.ts': `import type { Job } from './job.schema.ts';\nexport const plain = (job: Job) => job;\n`,
  'contract/job.schema.ts': `import { z } from 'zod';\nexport type Job = { a: string };\nexport const jobSchema = z.object({});\n`,
  'contract/service-manifest.ts': `import type { z } from 'zod';\nexport interface ServiceManifest { payload: z.ZodType }\n`,
  'platform/store.ts': `import { readFileSync } from 'node:fs';\nimport { plain } from '../contract/plain.ts';\nexport const store = [readFileSync, plain];\n`,
  'connectors/contract/connector.ts': `import type { Job } from '../../contract/job.schema.ts';\nexport interface Connector { job: Job }\n`,
  'connectors/base/base.ts': `import type { Connector } from '../contract/connector.ts';\nexport abstract class Base { job!: Connector['job'] }\n`,
  'connectors/one/connector.ts': `import { Base } from '../base/base.ts';\nimport { part } from './part.ts';\nimport { store } from '../../platform/store.ts';\nexport class One extends Base { parts = [part, store] }\n`,
  'connectors/one/part.ts': `import { payload } from './payload.schema.ts';\nexport const part = payload;\n`,
  'connectors/one/payload.schema.ts': `import { z } from 'zod';\nexport const payload = z.object({});\n`,
  'connectors/one/manifest.ts': `import type { ServiceManifest } from '../../contract/service-manifest.ts';\nimport { payload } from './payload.schema.ts';\nexport const manifests: ServiceManifest[] = [{ payload }];\n`,
  'activities/index.ts': `import { store } from '../platform/store.ts';\nexport const createActivities = () => ({ store });\n`,
  'workflows/job.ts': `import { sleep } from '@temporalio/workflow';\nimport type { createActivities } from '../activities/index.ts';\nimport type { Job } from '../contract/job.schema.ts';\nimport { plain } from '../contract/plain.ts';\nexport type A = typeof createActivities;\nexport const job = (j: Job) => [sleep, plain(j)];\n`,
  'api/create-app.ts': `import type { job } from '../workflows/job.ts';\nimport { jobSchema } from '../contract/job.schema.ts';\nexport const createApp = (j: typeof job) => [j, jobSchema];\n`,
  'workers/process/start-api.ts': `import { createApp } from '../../api/create-app.ts';\nexport const startApi = createApp;\n`,
  'workers/server-main.ts': `import { startApi } from './process/start-api.ts';\nimport { createActivities } from '../activities/index.ts';\nexport const main = [startApi, createActivities];\n`,
  'cli/main.ts': `import { main } from '../workers/server-main.ts';\nexport const run = main;\n`,
};

/** One planted violation per rule at least: file, its content, the rule that must name it. */
const PLANTED: [rule: string, file: string, content: string][] = [
  [
    'contract-imports-nothing',
    'contract/bad-builtin.ts',
    `import { randomUUID } from 'node:crypto';\nexport const a = randomUUID;\n`,
  ],
  ['contract-imports-nothing', 'contract/bad-zod.ts', `import { z } from 'zod';\nexport const a = z;\n`],
  [
    'contract-imports-nothing',
    'contract/bad-upwards.ts',
    `import type { store } from '../platform/store.ts';\nexport type A = typeof store;\n`,
  ],
  ['schemas-import-zod-only', 'contract/bad.schema.ts', `import pino from 'pino';\nexport const a = pino;\n`],
  [
    'contract-keeps-zod-out',
    'contract/bad-schema-use.ts',
    `import { jobSchema } from './job.schema.ts';\nexport const a = jobSchema;\n`,
  ],
  [
    'contract-keeps-zod-out',
    'contract/bad-inline-type.ts',
    `import { jobSchema, type Job } from './job.schema.ts';\nexport const a = (j: Job) => [j, jobSchema];\n`,
  ],
  [
    'platform-imports-contract',
    'platform/bad.ts',
    `import type { One } from '../connectors/one/connector.ts';\nexport type A = One;\n`,
  ],
  [
    'workflows-are-deterministic',
    'workflows/bad-builtin.ts',
    `import { readFileSync } from 'node:fs';\nexport const a = readFileSync;\n`,
  ],
  [
    'workflows-are-deterministic',
    'workflows/bad-package.ts',
    `import { Client } from '@temporalio/client';\nexport const a = Client;\n`,
  ],
  [
    'workflows-are-deterministic',
    'workflows/bad-platform.ts',
    `import { store } from '../platform/store.ts';\nexport const a = store;\n`,
  ],
  [
    'workflows-use-activities-as-types',
    'workflows/bad-activity.ts',
    `import { createActivities } from '../activities/index.ts';\nexport const a = createActivities;\n`,
  ],
  [
    'workflows-keep-zod-out',
    'workflows/bad-schema.ts',
    `import { jobSchema } from '../contract/job.schema.ts';\nexport const a = jobSchema;\n`,
  ],
  [
    'connectors-import-contract-and-platform',
    'connectors/two/bad.ts',
    `import { createActivities } from '../../activities/index.ts';\nexport const a = createActivities;\n`,
  ],
  [
    'connector-families-stand-alone',
    'connectors/two/bad-neighbour.ts',
    `import { part } from '../one/part.ts';\nexport const a = part;\n`,
  ],
  [
    'connector-commons-know-no-family',
    'connectors/base/bad.ts',
    `import { part } from '../one/part.ts';\nexport const a = part;\n`,
  ],
  [
    'connector-commons-know-no-family',
    'connectors/bad-index.ts',
    `import { part } from './one/part.ts';\nexport const a = part;\n`,
  ],
  [
    'manifests-are-data',
    'connectors/two/manifest.ts',
    `import sharp from 'sharp';\nexport const manifests = [sharp];\n`,
  ],
  [
    'manifests-are-data',
    'connectors/three/manifest.ts',
    `import { part } from './part.ts';\nexport const manifests = [part];\n`,
  ],
  [
    'activities-import-downwards',
    'activities/bad.ts',
    `import type { job } from '../workflows/job.ts';\nexport type A = typeof job;\n`,
  ],
  [
    'one-door-to-the-api',
    'workers/bad-main.ts',
    `import { createApp } from '../api/create-app.ts';\nexport const a = createApp;\n`,
  ],
  [
    'api-in-two-processes',
    'workers/pool-main.ts',
    `import { startApi } from './process/start-api.ts';\nexport const a = startApi;\n`,
  ],
  [
    'api-imports-contract-and-platform',
    'api/bad.ts',
    `import { manifests } from '../connectors/one/manifest.ts';\nexport const a = manifests;\n`,
  ],
  [
    'api-uses-workflows-as-types',
    'api/bad-workflow.ts',
    `import { job } from '../workflows/job.ts';\nexport const a = job;\n`,
  ],
  [
    'processes-are-roots',
    'platform/bad-worker.ts',
    `import { main } from '../workers/server-main.ts';\nexport const a = main;\n`,
  ],
  ['nobody-imports-cli', 'activities/bad-cli.ts', `import { run } from '../cli/main.ts';\nexport const a = run;\n`],
  [
    'product-code-needs-no-tests',
    'platform/bad-tests.ts',
    `import { helper } from '../tests/helper.ts';\nexport const a = helper;\n`,
  ],
  ['no-cycles', 'platform/circle-b.ts', `import type { A } from './circle.ts';\nexport interface B { a: A }\n`],
  ['no-orphans', 'platform/bad-orphan.ts', `export const a = 1;\n`],
  ['no-development-packages', 'platform/bad-dev.ts', `import Ajv from 'ajv';\nexport const a = Ajv;\n`],
  ['no-unlisted-packages', 'platform/bad-unlisted.ts', `import send from 'send';\nexport const a = send;\n`],
  ['no-unresolvable', 'platform/bad-missing.ts', `import { gone } from './gone.ts';\nexport const a = gone;\n`],
];

/** What a planted import breaks besides the rule it is planted for: an upward import is often two faults at once. */
const ALSO: Record<string, string[]> = {
  'platform/bad-worker.ts': ['platform-imports-contract'],
  'activities/bad-cli.ts': ['activities-import-downwards'],
};

interface Violation {
  from: string;
  rule: { name: string };
}

async function violations(dir: string): Promise<Violation[]> {
  const folders = FOLDERS.filter((folder) => existsSync(join(dir, folder)));
  const run = await runTool(
    'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
    ['--config', '.dependency-cruiser.mjs', '--output-type', 'json', ...folders],
    dir,
  );
  if (!run.stdout.startsWith('{')) throw new Error(`dependency-cruiser did not answer: ${run.stderr}`);
  const answer = JSON.parse(run.stdout) as { summary: { violations: Violation[]; totalCruised: number } };
  expect(answer.summary.totalCruised).toBeGreaterThan(20);
  return answer.summary.violations;
}

describe('import boundaries', () => {
  let found: Set<string>;
  const project = plant(
    {
      ...SOUND,
      // A cycle is reported once, at the first of its files.
      'platform/circle.ts': `import type { B } from './circle-b.ts';\nexport interface A { b: B }\n`,
      'connectors/three/part.ts': `export const part = 1;\n`,
      'tests/helper.ts': `export const helper = 1;\n`,
      ...Object.fromEntries(PLANTED.map(([, file, content]) => [file, content])),
    },
    ['.dependency-cruiser.mjs', 'tsconfig.json', 'package.json'],
  );

  beforeAll(async () => {
    found = new Set((await violations(project.dir)).map((v) => `${v.rule.name} ${v.from}`));
  }, 60_000);
  afterAll(project.remove);

  test.each(PLANTED)('%s: %s', (rule, file) => {
    expect([...found]).toContain(`${rule} ${file}`);
  });

  test('nothing else is found fault with', () => {
    const expected = PLANTED.flatMap(([rule, file]) => [rule, ...(ALSO[file] ?? [])].map((name) => `${name} ${file}`));
    expect([...found].toSorted()).toEqual([...new Set(expected)].toSorted());
  });

  test('every rule has a planted violation', async () => {
    const file = pathToFileURL(join(ROOT, '.dependency-cruiser.mjs')).href;
    const { default: config } = (await import(file)) as { default: { forbidden: { name: string }[] } };
    const planted = new Set(PLANTED.map(([rule]) => rule));
    expect(config.forbidden.map((rule) => rule.name).filter((name) => !planted.has(name))).toEqual([]);
  });
});

test('the tree keeps its boundaries', async () => {
  const broken = (await violations(ROOT)).map((v) => `${v.rule.name}: ${v.from}`);
  expect(broken).toEqual([]);
}, 120_000);
