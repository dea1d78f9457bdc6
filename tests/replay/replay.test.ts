import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { InProcessStack, quietRuntime } from '../harness/in-process-stack.ts';
import { exportHistory, replay } from './history.ts';
import { replayCatalog, scenarios } from './scenarios.ts';

/**
 * Unfinished jobs go on under the next version only if it can replay what this one recorded. To record anew after a
 * change that is versioned or that no running job can meet: `UPDATE_HISTORIES=1 npm test tests/replay`.
 */
const folder = join(import.meta.dirname, 'histories');

beforeAll(async () => {
  if (process.env['UPDATE_HISTORIES']) await record();
  quietRuntime();
}, 300_000);

async function record(): Promise<void> {
  const stack = await InProcessStack.start({ catalog: replayCatalog, pools: ['first'] });
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, run] of Object.entries(scenarios)) {
      stack.connector.script = async () => 'done';
      const handle = await run(stack);
      await handle.result().catch(() => {});
      await writeFile(join(folder, `${name}.json`), await exportHistory(stack.temporal.address, handle.workflowId));
    }
  } finally {
    await stack.stop();
  }
}

describe('recorded histories', () => {
  test('there is one for each life of a job', async () => {
    const names = (await readdir(folder)).map((file) => file.replace('.json', ''));
    expect(names.sort()).toEqual(Object.keys(scenarios).sort());
  });

  test.each(Object.keys(scenarios))('%s replays', async (name) => {
    await replay(JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')));
  });

  test('a workflow that did something else would be found out', async () => {
    const text = await readFile(join(folder, 'plain.json'), 'utf8');
    expect(text).toContain('"processJob"');
    await expect(replay(JSON.parse(text.replaceAll('"processJob"', '"anotherActivity"')))).rejects.toThrow(
      /nondetermin/i,
    );
  });
});
