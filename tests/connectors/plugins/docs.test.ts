import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../../house/repository.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { loadPlugins } from '../../../connectors/plugins/load-plugins.ts';
import { writeFileSync } from 'node:fs';

const page = readFileSync(join(ROOT, 'docs/plugins.md'), 'utf8');
const block = (language: string) => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\n\`\`\``).exec(page)?.[1] as string;

test('the example configuration can be used as it stands', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'plugins.json'), block('json'));
  const plugins = await loadPlugins({
    configDir: folder,
    dirs: [join(ROOT, 'connectors/plugins')],
    env: {},
    known: { services: ['openai-text', 'comfyui'], connectors: [] },
  });
  expect(plugins.map(({ name }) => name)).toEqual(['prompt-guard', 'picture-stamp', 'cost-recorder']);
  expect(plugins.map((plugin) => plugin.create().name)).toEqual(['prompt-guard', 'picture-stamp', 'cost-recorder']);
});

test('the example plugin works as it stands', async () => {
  const folder = temporaryFolder();
  const source = block('ts').replace("'../index.ts'", JSON.stringify(join(ROOT, 'connectors/index.ts')));
  // Types go, as the build has it; zod is looked for from here.
  const { transform } = await import('@swc/core');
  const { code } = await transform(source, { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } });
  const zod = JSON.stringify(join(ROOT, 'node_modules/zod/index.js'));
  writeFileSync(join(folder, 'short-prompt-plugin.mjs'), code.replace(/['"]zod['"]/, zod));
  writeFileSync(
    join(folder, 'plugins.json'),
    JSON.stringify({ plugins: [{ plugin: 'short-prompt', options: { longest: 5 } }] }),
  );
  const [configured] = await loadPlugins({ configDir: folder, dirs: [folder], env: {} });
  const plugin = configured?.create();
  const job = { id: 'j', type: 't', payload: { prompt: '  fox ' }, priority: 3, created_at: 0 };
  expect(await plugin?.beforeJobProcess?.(job, {} as never)).toMatchObject({ payload: { prompt: 'fox' } });
  const long = { ...job, payload: { prompt: 'many foxes' } };
  await expect(plugin?.beforeJobProcess?.(long, {} as never)).rejects.toMatchObject({ code: 'validation' });
});
