import { describe, expect, test } from '@jest/globals';
import { eventually } from '../harness.ts';
import { comfyBench, graphWith, heldGraph } from './comfy-bench.ts';

const through = (class_type: string, inputs: Record<string, unknown> = {}) =>
  graphWith({ '5': { class_type, inputs: { image: ['1', 0], ...inputs } } });

describe('what is refused before anything is queued', () => {
  const sampled = (ckpt_name: string) => ({
    '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name } },
    '2': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
    '3': { class_type: 'VAEDecode', inputs: { samples: ['2', 0], vae: ['1', 2] } },
    '4': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'x' } },
  });
  const cases: [string, Record<string, unknown>, { code: string; errors: { pointer: string }[] }][] = [
    [
      'a node that is not installed',
      through('NoSuchNode'),
      { code: 'missing_node', errors: [{ pointer: '/payload/workflow/5' }] },
    ],
    [
      'a model that is not there',
      sampled('other.safetensors'),
      { code: 'missing_model', errors: [{ pointer: '/payload/workflow/1/inputs/ckpt_name' }] },
    ],
    [
      'an impossible size',
      { ...graphWith(), '1': { class_type: 'EmptyImage', inputs: { width: 0, height: 16, batch_size: 1, color: 0 } } },
      { code: 'validation', errors: [{ pointer: '/payload/workflow/1/inputs/width' }] },
    ],
    [
      'a choice that is not offered',
      through('ImageScale', { upscale_method: 'magic', width: 8, height: 8, crop: 'disabled' }),
      { code: 'validation', errors: [{ pointer: '/payload/workflow/5/inputs/upscale_method' }] },
    ],
    [
      'an input file that is not there',
      { ...graphWith(), '1': { class_type: 'LoadImage', inputs: { image: 'no-such.png' } } },
      { code: 'not_found', errors: [{ pointer: '/payload/workflow/1/inputs/image' }] },
    ],
    [
      'a link to nowhere',
      { ...graphWith(), '9': { class_type: 'SaveImage', inputs: { images: ['77', 0], filename_prefix: 'x' } } },
      { code: 'validation', errors: [{ pointer: '/payload/workflow/9/inputs/images' }] },
    ],
    [
      'a circle',
      {
        ...graphWith(),
        '1': { class_type: 'ImageInvert', inputs: { image: ['2', 0] } },
        '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
      },
      { code: 'validation', errors: [{ pointer: expect.stringMatching(/workflow\/[12]$/) as unknown as string }] },
    ],
    [
      'nothing to put out',
      { '1': graphWith()['1'] },
      { code: 'validation', errors: [{ pointer: '/payload/workflow' }] },
    ],
    [
      'a missing input',
      { ...graphWith(), '1': { class_type: 'EmptyImage', inputs: { height: 16, batch_size: 1, color: 0 } } },
      { code: 'validation', errors: [{ pointer: '/payload/workflow/1/inputs/width' }] },
    ],
    [
      'a prefix that leaves the folder',
      { ...graphWith(), '9': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: '../../x' } } },
      { code: 'validation', errors: [{ pointer: '/payload/workflow/9/inputs/filename_prefix' }] },
    ],
    [
      'a text that stands for true',
      through('Steps', { steps: 1, ms: 0, previews: 'false' }),
      { code: 'validation', errors: [{ pointer: '/payload/workflow/5/inputs/previews' }] },
    ],
    [
      'an object where a text belongs',
      through('Hold', { name: { a: 1 } }),
      { code: 'validation', errors: [{ pointer: '/payload/workflow/5/inputs/name' }] },
    ],
    [
      'a text where a number belongs',
      through('Steps', { steps: 'many', ms: 0, previews: false }),
      { code: 'validation', errors: [{ pointer: '/payload/workflow/5/inputs/steps' }] },
    ],
    [
      'a list that is no link',
      through('Steps', { steps: [1, 2, 3], ms: 0, previews: false }),
      { code: 'validation', errors: [{ pointer: '/payload/workflow/5/inputs/steps' }] },
    ],
    [
      'an output of another type',
      { ...graphWith(), '9': { class_type: 'SaveAudio', inputs: { audio: ['1', 0], filename_prefix: 'x' } } },
      { code: 'validation', errors: [{ pointer: '/payload/workflow/9/inputs/audio' }] },
    ],
    [
      'a size that no memory holds, though each number is allowed',
      {
        ...graphWith(),
        '1': { class_type: 'EmptyImage', inputs: { width: 16_384, height: 16_384, batch_size: 64, color: 0 } },
      },
      { code: 'validation', errors: [{ pointer: '/payload/workflow/1/inputs/width' }] },
    ],
    [
      'an over-long prompt',
      through('Hold', { name: 'very '.repeat(10_001) }),
      { code: 'validation', errors: [{ pointer: '/payload/workflow/5/inputs/name' }] },
    ],
    ...['http://169.254.169.254/latest/meta-data', 'http://localhost:9/x', 'http://[::1]/x', 'file:///etc/passwd'].map(
      (address): [string, Record<string, unknown>, { code: string; errors: { pointer: string }[] }] => [
        `an address inside the network: ${address}`,
        through('Hold', { name: address }),
        { code: 'permission', errors: [{ pointer: '/payload/workflow/5/inputs/name' }] },
      ],
    ),
    [
      'the whole body of POST /prompt',
      { prompt: graphWith(), client_id: 'me' },
      { code: 'validation', errors: [{ pointer: '/payload/workflow' }] },
    ],
    [
      'the format of the editor',
      { nodes: [], links: [], last_node_id: 3 },
      { code: 'validation', errors: [{ pointer: '/payload/workflow' }] },
    ],
  ];
  test.each(cases)('%s', async (_, workflow, expected) => {
    const bench = await comfyBench();
    await expect(bench.attempt({ workflow }).result).rejects.toMatchObject(expected);
    expect(bench.double.submissionsOf()).toBe(0);
  });

  test('one bad branch of several: the server would drop it and run the rest', async () => {
    const bench = await comfyBench();
    const workflow = {
      ...through('ImageScale', { upscale_method: 'magic', width: 8, height: 8, crop: 'disabled' }),
      '8': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
    };
    await expect(bench.attempt({ workflow }).result).rejects.toMatchObject({
      code: 'validation',
      errors: [{ pointer: '/payload/workflow/5/inputs/upscale_method' }],
    });
    expect(bench.double.worker.pending).toEqual([]);
  });

  test('limits can be raised, and addresses allowed', async () => {
    const bench = await comfyBench({ max_text_length: 0, allow_private_urls: true });
    bench.double.worker.gatesOpen = true;
    const { result } = bench.attempt({ workflow: through('Hold', { name: 'http://127.0.0.1/x' }) }, { jobId: 'a' });
    expect((await result).artifacts).toHaveLength(1);
    const long = bench.attempt({ workflow: through('Hold', { name: 'x'.repeat(60_000) }) }, { jobId: 'b' });
    expect((await long.result).artifacts).toHaveLength(1);
  });

  test('nodes that the operator has denied or not allowed', async () => {
    const denied = await comfyBench({ denied_nodes: 'Load*,KSampler' });
    const loading = { ...graphWith(), '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } } };
    await expect(denied.attempt({ workflow: loading }).result).rejects.toMatchObject({
      code: 'permission',
      errors: [{ pointer: '/payload/workflow/1', detail: 'uses LoadImage, which is denied here' }],
    });
    const allowed = denied.another({ allowed_nodes: ['EmptyImage'] });
    await expect(allowed.attempt({ workflow: graphWith() }).result).rejects.toMatchObject({
      code: 'permission',
      errors: [{ pointer: '/payload/workflow/9' }],
    });
    expect(denied.double.ledger.requests.filter((each) => each !== 'GET /system_stats')).toEqual([]);
  });

  test('what has just been installed is found', async () => {
    const bench = await comfyBench({}, { missingNodes: ['ImageInvert'] });
    const workflow = through('ImageInvert');
    await expect(bench.attempt({ workflow }).result).rejects.toMatchObject({ code: 'missing_node' });
    bench.double.missingNodes.clear();
    await eventually(async () => expect((await bench.attempt({ workflow }).result).artifacts).toHaveLength(1));
  });
});

describe('what fails while the graph runs', () => {
  test('memory: told as such, freed, and run anew under another id', async () => {
    const bench = await comfyBench();
    const workflow = through('Fail', {
      exception_type: 'torch.OutOfMemoryError',
      message: 'Allocation on device 0 would exceed',
    });
    const first = bench.attempt({ workflow });
    await expect(first.result).rejects.toMatchObject({
      code: 'out_of_memory',
      message: 'Fail (node 5) failed in ComfyUI: torch.OutOfMemoryError: Allocation on device 0 would exceed',
      errors: [{ pointer: '/payload/workflow/5' }],
    });
    expect(bench.double.ledger.frees).toEqual([{ unload_models: true, free_memory: true }]);
    const [checkpoint] = first.context.checkpoints;
    const serviceJobId = first.context.tracked[0]!.serviceJobId;
    const second = bench.attempt({ workflow }, { attempt: 2, serviceJobId, checkpoint });
    await expect(second.result).rejects.toMatchObject({ code: 'out_of_memory' });
    expect(second.context.tracked[0]!.serviceJobId).not.toBe(serviceJobId);
  });

  test('an exception that comes again is final, another is not', async () => {
    const bench = await comfyBench();
    const fail = (exception_type: string, jobId: string) =>
      bench.attempt({ workflow: through('Fail', { exception_type, message: 'no' }) }, { jobId }).result;
    await expect(fail('ValueError', 'a')).rejects.toMatchObject({ code: 'backend_error', retryable: false });
    await expect(fail('RuntimeError', 'b')).rejects.toMatchObject({ code: 'backend_error', retryable: undefined });
  });

  test('a failure that the history calls success', async () => {
    const bench = await comfyBench();
    const { result, context } = bench.attempt({ workflow: through('Cycle') });
    await expect(result).rejects.toMatchObject({
      code: 'backend_error',
      message: expect.stringMatching(/DependencyCycleError/),
    });
    const { serviceJobId } = context.tracked[0]!;
    expect(bench.double.worker.history.get(serviceJobId)?.status.status_str).toBe('success');
    expect((await bench.connector.queryJobStatus(serviceJobId)).status).toBe('failed');
  });

  test('interrupted, or deleted from the queue, by somebody else: tried again', async () => {
    const bench = await comfyBench();
    const running = bench.attempt({ workflow: heldGraph('gate') }, { jobId: 'running' });
    await eventually(() => expect(bench.double.isHolding('gate')).toBe(true));
    const waiting = bench.attempt({ workflow: graphWith() }, { jobId: 'waiting' });
    await eventually(() => expect(bench.double.worker.pending).toHaveLength(1));
    bench.double.worker.remove(waiting.context.tracked[0]!.serviceJobId);
    await expect(waiting.result).rejects.toMatchObject({
      code: 'backend_error',
      message: expect.stringMatching(/taken out of the queue/),
    });
    bench.double.worker.interrupt();
    await expect(running.result).rejects.toMatchObject({
      code: 'backend_error',
      message: expect.stringMatching(/by somebody else/),
    });
    expect(running.context.checkpoints).toEqual([{ generation: 1 }]);
  });

  test('a worker thread that is dead: prompts wait and nothing runs', async () => {
    const bench = await comfyBench({ zombie_seconds: 0.3 });
    const { double, connector } = bench;
    await connector.initialize();
    double.worker.kill();
    const { result } = bench.attempt({ workflow: graphWith() });
    await expect(result).rejects.toMatchObject({
      code: 'service_unavailable',
      message: expect.stringMatching(/worker thread seems to be dead/),
    });
    expect(await connector.checkHealth()).toBe(false);
    await expect(bench.attempt({ workflow: graphWith() }, { jobId: 'next' }).result).rejects.toMatchObject({
      code: 'service_unavailable',
    });
    expect(double.submissionsOf()).toBe(1);
    await double.restart();
    expect(await connector.checkHealth()).toBe(true);
    expect((await bench.attempt({ workflow: graphWith() }, { jobId: 'next' }).result).artifacts).toHaveLength(1);
  });

  test('a worker thread that died in this prompt: it runs for ever', async () => {
    const bench = await comfyBench({ stall_seconds: 0.5 });
    const { result } = bench.attempt({ workflow: through('KillWorker') });
    await expect(result).rejects.toMatchObject({
      code: 'service_unavailable',
      message: expect.stringMatching(/without a sign of life/),
    });
    expect(bench.double.worker.running).toHaveLength(1);
    expect(await bench.connector.checkHealth()).toBe(false);
  });

  test('a file that the server names and does not have: its cache is dropped, the graph runs anew', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    const { result, context } = bench.attempt({ workflow: heldGraph('gate') });
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    double.files.put = () => {};
    double.release('gate');
    await expect(result).rejects.toMatchObject({
      code: 'backend_error',
      message: expect.stringMatching(/does not have it/),
    });
    expect(double.ledger.frees).toEqual([{ unload_models: true, free_memory: true }]);
    expect(context.checkpoints).toEqual([{ generation: 1 }]);
  });

  test('an output that breaks off: the next attempt fetches it, without another run', async () => {
    const bench = await comfyBench();
    bench.double.fail({ route: 'GET /view', kind: 'truncate' });
    const first = bench.attempt({ workflow: graphWith() });
    await expect(first.result).rejects.toMatchObject({ code: 'service_unavailable' });
    const { serviceJobId } = first.context.tracked[0]!;
    expect(
      (await bench.attempt({ workflow: graphWith() }, { attempt: 2, serviceJobId }).result).artifacts,
    ).toHaveLength(1);
    expect(bench.double.submissionsOf()).toBe(1);
  });

  test('a busy proxy says when to come back', async () => {
    const bench = await comfyBench();
    await bench.connector.initialize();
    bench.double.fail({ route: 'POST /prompt', kind: 'answer', status: 429, headers: { 'retry-after': '7' } });
    await expect(bench.attempt({ workflow: graphWith() }).result).rejects.toMatchObject({
      code: 'rate_limited',
      retry_after_ms: 7_000,
    });
    expect(bench.double.submissionsOf()).toBe(0);
  });
});
