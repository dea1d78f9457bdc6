import { describe, expect, test } from '@jest/globals';
import { imageProblems } from '../../../connectors/openai/image-rules.ts';
import { imagePayload } from '../../../connectors/openai/image-payload.schema.ts';
import { OpenAIImageConnector } from '../../../connectors/openai/connector.ts';
import { cancelled, pngDataUrl } from '../base/hosted/hosted-bench.ts';
import { OpenAiBench } from './openai-bench.ts';

const bench = new OpenAiBench();
const draw = { model: 'gpt-image-double', prompt: 'a boat' };
const connector = (config = {}) => bench.connector(OpenAIImageConnector, config);

test('pictures are made, measured, stored and counted', async () => {
  const prices = JSON.stringify({ models: { 'gpt-image-*': { input: 5, output: 40 } } });
  const { outcome, context, reports } = bench.start(connector({ prices }), {
    ...draw,
    n: 2,
    output_format: 'webp',
    size: '1024x1024',
  });
  const { artifacts, result } = await outcome;
  expect(artifacts).toMatchObject([
    { mime: 'image/webp', meta: { width: 16, height: 16 } },
    { mime: 'image/webp', meta: { width: 16, height: 16 } },
  ]);
  for (const ref of artifacts ?? []) expect(await context.store.stat(ref.uri)).toEqual(ref);
  expect(result).toMatchObject({
    pictures: 2,
    edited: false,
    output_format: 'webp',
    usage: { output_tokens: 2_000 },
    cost: { amount: (2 * 5 + 2_000 * 40) / 1e6, currency: 'USD' },
    request_id: expect.stringMatching(/^req_/),
  });
  expect(reports.at(-1)).toMatchObject({ progress: 100 });
  expect(bench.state.seen('POST', '/images')[0]?.body).toEqual({
    model: 'gpt-image-double',
    prompt: 'a boat',
    n: 2,
    output_format: 'webp',
    size: '1024x1024',
  });
});

test('unfinished pictures go to the live channel', async () => {
  const { outcome, live, reports } = bench.start(connector(), { ...draw, partial_images: 2 });
  const { artifacts } = await outcome;
  expect(artifacts).toHaveLength(1);
  expect(live.previews).toMatchObject([
    { mime: 'image/png', index: 0 },
    { mime: 'image/png', index: 1 },
  ]);
  expect(reports.map((report) => Math.round(report.progress))).toEqual([1, 33, 67, 100]);
});

test('an edit sends its pictures and its mask as files with names', async () => {
  const image = await pngDataUrl(1);
  const mask = await pngDataUrl(2);
  const { outcome } = bench.start(connector(), { ...draw, image, mask, input_fidelity: 'high' });
  expect((await outcome).result).toMatchObject({ edited: true });
  expect(bench.state.uploads).toMatchObject([
    { field: 'image', filename: 'image-1.png', mime: 'image/png' },
    { field: 'mask', filename: 'mask.png', mime: 'image/png' },
  ]);
  expect(bench.state.uploads[0]?.bytes.toString('base64')).toBe(image.split(',')[1]);
  expect(bench.state.seen('POST', '/images/edits')[0]?.body).toMatchObject({
    prompt: 'a boat',
    input_fidelity: 'high',
  });
  expect(bench.state.paid).toMatchObject({ edits: 1, generations: 0 });
});

test('an edit of several pictures, in steps', async () => {
  const images = [await pngDataUrl(2), await pngDataUrl(3)];
  const { outcome, live } = bench.start(connector(), {
    ...draw,
    image: await pngDataUrl(1),
    images,
    partial_images: 1,
  });
  await outcome;
  expect(bench.state.uploads.map((part) => part.field)).toEqual(['image[]', 'image[]', 'image[]']);
  expect(live.previews).toHaveLength(1);
});

test('older models are asked for bytes instead of addresses', async () => {
  const { outcome } = bench.start(connector(), {
    model: 'dall-e-3',
    prompt: 'a boat',
    style: 'natural',
    quality: 'hd',
  });
  expect((await outcome).result).toMatchObject({ revised_prompts: ['a boat, in detail'] });
  expect(bench.state.seen('POST', '/images')[0]?.body).toMatchObject({ response_format: 'b64_json', style: 'natural' });
});

test('a server that answers with an address all the same: it is fetched from there', async () => {
  bench.state.imagesAsUrls = true;
  const { outcome } = bench.start(connector(), draw);
  expect((await outcome).artifacts).toMatchObject([{ name: 'picture.png', mime: 'image/png' }]);
  expect(bench.state.seen('GET', '/files')[0]?.key).toBe('');
});

test('a cancel hangs up', async () => {
  bench.state.pace.hold(1);
  const { outcome, context } = bench.start(connector(), draw);
  await bench.until(() => expect(bench.state.paid.generations).toBe(1));
  context.abort(cancelled());
  await expect(outcome).rejects.toThrow('CANCELLED');
  await bench.until(() => expect(bench.state.stopped).toBe(1));
});

test.each([
  ['a text as a picture', { image: 'data:text/plain;base64,aGVsbG8=' }, '/payload/image'],
  [
    'a jpeg as a mask',
    { image: 'PNG', mask: `data:image/jpeg;base64,${Buffer.from('ffd8ffe000104a464946', 'hex').toString('base64')}` },
    '/payload/mask',
  ],
])('%s is refused before anything is sent', async (_, fields: Record<string, string>, pointer) => {
  const given = { ...fields, ...(fields['image'] === 'PNG' ? { image: await pngDataUrl() } : {}) };
  const { outcome } = bench.start(connector(), { ...draw, ...given });
  await expect(outcome).rejects.toMatchObject({ code: 'validation', errors: [{ pointer }] });
  expect(bench.state.paidRequests).toBe(0);
});

test("what the operator's model cannot do is refused too", async () => {
  const { outcome } = bench.start(connector({ image_model: 'dall-e-3' }), { prompt: 'a boat', n: 2 });
  await expect(outcome).rejects.toMatchObject({ code: 'validation', errors: [{ pointer: '/payload/n' }] });
  expect(bench.state.paidRequests).toBe(0);
});

describe('impossible wishes', () => {
  test.each([
    ['gpt-image-1', { size: '640x480' }, 'size'],
    ['gpt-image-1', { quality: 'hd' }, 'quality'],
    ['gpt-image-1', { style: 'vivid' }, 'style'],
    ['gpt-image-2', { size: '1000x1000' }, 'size'],
    ['gpt-image-2', { size: '4096x4096' }, 'size'],
    ['gpt-image-2', { size: '3200x800' }, 'size'],
    ['gpt-image-2', { background: 'transparent' }, 'background'],
    ['dall-e-3', { n: 2 }, 'n'],
    ['dall-e-3', { image: 'artifact:x' }, 'image'],
    ['dall-e-3', { prompt: 'x'.repeat(4_001) }, 'prompt'],
    ['dall-e-2', { output_format: 'png' }, 'output_format'],
    ['dall-e-2', { partial_images: 1 }, 'partial_images'],
  ])('%s %j', (model, wish, field) => {
    expect(imageProblems(model, { prompt: 'a', ...wish }).map((problem) => problem.field)).toEqual([field]);
    const issues = imagePayload.safeParse({ model, prompt: 'a', ...wish }).error?.issues ?? [];
    expect(issues.map((issue) => issue.path.join('.'))).toContain(field);
  });

  test.each([
    ['gpt-image-1', { size: '1536x1024', quality: 'low', background: 'transparent' }],
    ['gpt-image-2', { size: '1536x864' }],
    ['dall-e-3', { size: '1792x1024', quality: 'hd', style: 'vivid' }],
    ['a-model-of-somebody-else', { size: '123x456', style: 'vivid', n: 10 }],
  ])('%s %j is fine', (model, wish) => {
    expect(imagePayload.safeParse({ model, prompt: 'a', ...wish }).error).toBeUndefined();
  });

  test.each([
    [{ mask: 'artifact:x' }, 'mask'],
    [{ images: ['artifact:x'] }, 'image'],
    [{ partial_images: 1, n: 2 }, 'partial_images'],
    [{ background: 'transparent', output_format: 'jpeg' }, 'output_format'],
    [{ output_compression: 50 }, 'output_compression'],
    [{ size: 'huge' }, 'size'],
    [{ prompt: '' }, 'prompt'],
  ])('%j', (wish, field) => {
    const issues = imagePayload.safeParse({ prompt: 'a', ...wish }).error?.issues ?? [];
    expect(issues.map((issue) => issue.path.join('.'))).toContain(field);
  });
});
