import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { COMFYUI_ENV } from '../../../connectors/comfyui/settings.ts';
import { jobSchema } from '../../../contract/job.schema.ts';
import { manifests } from '../../../connectors/comfyui/manifest.ts';
import { TemplateStore } from '../../../connectors/comfyui/template-store.ts';
import { comfyBench } from './comfy-bench.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const PAGE = readFileSync(join(ROOT, 'docs', 'connectors', 'comfyui.md'), 'utf8');
const EXAMPLES = join(ROOT, 'examples', 'comfyui');
const harbour = readFileSync(join(ROOT, 'examples', 'harbour.png'));

async function runs(document: unknown) {
  const { payload, service } = jobSchema.parse(document);
  expect(service).toBe(manifests[0]!.service);
  const bench = await comfyBench({ template_dir: join(ROOT, 'config', 'comfyui', 'templates') });
  const { result } = bench.attempt(payload, { inputs: { 'file:examples/harbour.png': harbour } });
  expect((await result).artifacts).toHaveLength(1);
}

describe('what the documentation says', () => {
  test('the job on the page runs as it stands', async () => {
    const [, job] = /<<'JOB'\n([\s\S]*?)\nJOB\n/.exec(PAGE) ?? [];
    await runs(JSON.parse(job!));
  });

  test.each(readdirSync(EXAMPLES))('examples/comfyui/%s runs', async (name) => {
    await runs(JSON.parse(readFileSync(join(EXAMPLES, name), 'utf8')));
  });

  test("the manifest's example runs", async () => {
    await runs({ service: 'comfyui', payload: manifests[0]!.example });
  });

  test('every template that comes along is valid', async () => {
    const store = new TemplateStore(join(ROOT, 'config', 'comfyui', 'templates'));
    const names = await store.names();
    expect(names).toEqual(['scale-image', 'text-to-image']);
    for (const name of names) expect((await store.load(name)).title).toBeTruthy();
  });

  test('every variable has its line', () => {
    for (const name of Object.keys(COMFYUI_ENV)) expect(PAGE).toContain(`\`${name}\``);
  });
});
