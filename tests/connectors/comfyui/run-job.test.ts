import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  ComfyUIConnector,
  ComfyUILocalConnector,
  ComfyUIRemoteConnector,
  ComfyUIWebSocketConnector,
} from '../../../connectors/comfyui/connector.ts';
import { png } from '../../doubles/comfyui/media.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { eventually } from '../harness.ts';
import { comfyBench, graphWith, heldGraph } from './comfy-bench.ts';

describe('a job on ComfyUI', () => {
  test('runs its graph and brings the pictures home', async () => {
    const { attempt, double, connector } = await bench();
    const { result, context, progress } = attempt({
      workflow: graphWith({ '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } } }),
    });
    const done = await result;
    expect(done.artifacts).toMatchObject([
      { name: 'test_00001_.png', mime: 'image/png', meta: { node_id: '9', kind: 'images' } },
    ]);
    const [submission] = double.ledger.submissions;
    expect(done.result).toMatchObject({ prompt_id: submission?.promptId, submissions: 1, reattached: false });
    expect(done.service_info).toEqual({ connector_id: 'comfy', service_job_id: submission?.promptId });
    expect(context.tracked.map(({ serviceJobId }) => serviceJobId)).toEqual([submission?.promptId]);
    expect(submission?.clientId).toBe(`switchyard-${submission?.promptId}`);
    const values = progress.map((update) => update.progress);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(values.at(-1)).toBe(100);
    expect((await connector.queryJobStatus(submission!.promptId)).status).toBe('completed');
  });

  test('counts nodes and steps into one progress that never falls', async () => {
    const { attempt } = await bench();
    const { result, progress } = attempt({
      workflow: graphWith({
        '2': { class_type: 'Steps', inputs: { image: ['1', 0], steps: 5, ms: 1, previews: false } },
        '3': { class_type: 'Steps', inputs: { image: ['2', 0], steps: 5, ms: 1, previews: false } },
      }),
    });
    await result;
    const values = progress.map((update) => update.progress);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(progress.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^Steps \(node 3\): step 4 of 5; 2 of 4 nodes done$/),
    );
    const [half] = progress.filter(({ message }) => message?.startsWith('Steps (node 3): step 1'));
    expect(half?.progress).toBeGreaterThan(45);
    expect(half?.progress).toBeLessThan(75);
  });

  test('outputs of every kind become artifacts, texts stand in the result', async () => {
    const { attempt } = await bench();
    const { result } = attempt({
      workflow: {
        '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 2, color: 7 } },
        '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'out/picture' } },
        '3': { class_type: 'CreateVideo', inputs: { images: ['1', 0], fps: 8 } },
        '4': {
          class_type: 'SaveVideo',
          inputs: { video: ['3', 0], filename_prefix: 'clip', format: 'mp4', codec: 'h264' },
        },
        '5': { class_type: 'EmptyAudio', inputs: { duration: 0.5 } },
        '6': { class_type: 'SaveAudio', inputs: { audio: ['5', 0], filename_prefix: 'sound' } },
        '7': { class_type: 'SaveGLB', inputs: { mesh: ['1', 0], filename_prefix: 'thing' } },
        '8': { class_type: 'PreviewAny', inputs: { source: 'hello' } },
        '9': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
      },
    });
    const { artifacts, result: facts } = await result;
    const kinds = artifacts!.map(({ name, mime, meta }) => `${name} ${mime} ${meta?.['kind']}`);
    expect(kinds.toSorted()).toEqual([
      'clip_00001_.mp4 video/mp4 images',
      'picture_00001_.png image/png images',
      'picture_00002_.png image/png images',
      'sound_00001_.flac audio/flac audio',
      expect.stringMatching(/^thing_00001_\.glb .* 3d$/),
    ]);
    expect(facts).toMatchObject({ texts: { '8': ['hello'] } });
  });

  test('previews are artifacts when nothing was saved, or when they are asked for', async () => {
    const { attempt } = await bench();
    const previewed = { '1': graphWith()['1'], '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } } };
    expect((await attempt({ workflow: previewed }, { jobId: 'a' }).result).artifacts).toHaveLength(1);
    expect((await attempt({ workflow: previewed, collect: 'output' }, { jobId: 'b' }).result).artifacts).toHaveLength(
      0,
    );
    const both = { ...graphWith(), '2': previewed['2'] };
    expect((await attempt({ workflow: both, collect: 'all' }, { jobId: 'c' }).result).artifacts).toHaveLength(2);
  });

  test('inputs are uploaded and put into the graph, one file once', async () => {
    const { attempt, double } = await bench();
    const picture = await png(4, 4, 0x00ff00);
    const { result } = attempt(
      {
        workflow: {
          '1': { class_type: 'LoadImage', inputs: { image: 'artifact:inputs/abc' } },
          '2': { class_type: 'LoadImage', inputs: { image: 'example.png' } },
          '3': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'a' } },
          '4': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'b' } },
          '5': { class_type: 'PreviewAny', inputs: { source: 'https://example.org/no-media' } },
        },
        inputs: { '2.image': 'artifact:inputs/abc' },
      },
      { inputs: { 'artifact:inputs/abc': picture } },
    );
    await result;
    const { uploads, submissions } = double.ledger;
    expect(uploads).toEqual([
      { name: expect.stringMatching(/^[0-9a-f]{24}\.png$/), subfolder: 'switchyard', bytes: picture.length },
    ]);
    const name = `switchyard/${uploads[0]!.name}`;
    expect(submissions[0]!.graph).toMatchObject({ '1': { inputs: { image: name } }, '2': { inputs: { image: name } } });
    expect(submissions[0]!.graph['5']!.inputs['source']).toBe('https://example.org/no-media');
  });

  test('a template is filled with parameters', async () => {
    const dir = temporaryFolder();
    mkdirSync(join(dir, 'simple'));
    const template = {
      params: {
        width: { type: 'integer', minimum: 8, maximum: 64, default: 32, to: ['1.width'] },
        name: { type: 'string', to: ['9.filename_prefix'] },
        colour: { type: 'seed', maximum: 2 ** 53, to: ['5.source'] },
      },
      workflow: { ...graphWith(), '5': { class_type: 'PreviewAny', inputs: { source: 0 } } },
    };
    writeFileSync(join(dir, 'simple', 'square.json'), JSON.stringify(template));
    const { attempt, double } = await bench({ template_dir: dir });
    const payload = { template: 'simple/square', params: { name: 'mine' } };
    expect((await attempt(payload).result).artifacts).toMatchObject([{ name: 'mine_00001_.png' }]);
    const { graph } = double.ledger.submissions[0]!;
    expect(graph['1']!.inputs['width']).toBe(32);
    expect(graph['5']!.inputs['source']).toEqual(expect.any(Number));
    const bad = { template: 'simple/square', params: { width: 99, colour: 'red', depth: 1 } };
    await expect(attempt(bad, { jobId: 'bad' }).result).rejects.toMatchObject({
      code: 'validation',
      errors: [
        { pointer: '/payload/params/depth', detail: 'is no parameter of this template' },
        { pointer: '/payload/params/width', detail: 'must be at most 64' },
        { pointer: '/payload/params/name', detail: 'is missing' },
        { pointer: '/payload/params/colour', detail: 'must be a number' },
      ],
    });
    await expect(attempt({ template: 'other' }, { jobId: 'none' }).result).rejects.toMatchObject({
      code: 'not_found',
      errors: [{ pointer: '/payload/template', hint: 'there are: simple/square' }],
    });
  });

  test('previews go to the live channel, pictures of SaveImageWebsocket become artifacts', async () => {
    const { attempt } = await bench();
    const { result, previews } = attempt({
      workflow: {
        '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 3, color: 7 } },
        '2': { class_type: 'Steps', inputs: { image: ['1', 0], steps: 4, ms: 1, previews: true } },
        '3': { class_type: 'SaveImageWebsocket', inputs: { images: ['2', 0] } },
      },
    });
    const { artifacts } = await result;
    expect(previews.map(({ index, mime }) => [index, mime])).toEqual([0, 1, 2, 3].map((index) => [index, 'image/png']));
    expect(artifacts!.map(({ name, mime }) => [name, mime])).toEqual(
      [1, 2, 3].map((n) => [`websocket-3-${n}.png`, 'image/png']),
    );
  });

  test('the next prompt is in the queue of the server before the one before it has ended', async () => {
    const { attempt, double } = await bench();
    const first = attempt({ workflow: heldGraph('first') }, { jobId: 'first' });
    const second = attempt({ workflow: graphWith() }, { jobId: 'second' });
    await eventually(() => expect(double.worker.pending).toHaveLength(1));
    await eventually(() => expect(second.progress.at(-1)?.message).toBe('waiting in the queue of ComfyUI: 1 ahead'));
    double.release('first');
    await Promise.all([first.result, second.result]);
  });

  test('a picture the server has in its cache is made again under the name of this job', async () => {
    const { attempt, double } = await bench();
    const [a, b] = [
      attempt({ workflow: graphWith() }, { jobId: 'a' }),
      attempt({ workflow: graphWith() }, { jobId: 'b' }),
    ];
    const uris = [(await a.result).artifacts![0]!.uri, (await b.result).artifacts![0]!.uri];
    expect(new Set(uris).size).toBe(2);
    const prefixes = double.ledger.submissions.map(({ graph }) => graph['9']!.inputs['filename_prefix']);
    expect(new Set(prefixes).size).toBe(2);
  });

  test('works by polling alone, and refuses there what needs the socket', async () => {
    const polling = await comfyBench({}, {}, ComfyUIConnector);
    const { double } = polling;
    const held = polling.attempt({ workflow: heldGraph('gate') });
    await eventually(() => expect(held.progress.at(-1)?.message).toBe('running in ComfyUI'));
    expect(double.sockets.opened).toBe(0);
    double.release('gate');
    expect((await held.result).artifacts).toHaveLength(1);
    const socketOnly = {
      '1': graphWith()['1'],
      '2': { class_type: 'SaveImageWebsocket', inputs: { images: ['1', 0] } },
    };
    await expect(polling.attempt({ workflow: socketOnly }, { jobId: 'other' }).result).rejects.toMatchObject({
      code: 'validation',
      errors: [{ pointer: '/payload/workflow/2' }],
    });
  });

  test('shows credentials to a proxy, on the socket too, and never in a message', async () => {
    const authorization = `Basic ${Buffer.from('anna:s3cret-word').toString('base64')}`;
    const good = await comfyBench(
      { username: 'anna', password: 's3cret-word' },
      { authorization },
      ComfyUIRemoteConnector,
    );
    await good.attempt({ workflow: graphWith() }).result;
    expect(good.double.sockets.opened).toBe(1);
    const bad = good.another({ username: 'anna', password: 'wrong-secret' }, ComfyUIRemoteConnector);
    const error = await bad
      .attempt({ workflow: graphWith() }, { jobId: 'bad' })
      .result.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'authentication' });
    expect(String((error as Error).message)).not.toContain('wrong-secret');
  });

  test.each([ComfyUIConnector, ComfyUIWebSocketConnector, ComfyUILocalConnector, ComfyUIRemoteConnector])(
    '%p runs a job',
    async (Class) => {
      const each = await comfyBench({}, {}, Class);
      expect((await each.attempt({ workflow: graphWith() }).result).artifacts).toHaveLength(1);
    },
  );

  test('settings change at run time; bad ones are refused and change nothing', async () => {
    const { attempt, connector } = await bench();
    await connector.initialize();
    await expect(connector.updateConfiguration({ poll_seconds: 'often' })).rejects.toMatchObject({
      code: 'validation',
      message: 'ComfyUI is not set up right: COMFYUI_POLL_SECONDS must be a number of seconds',
    });
    await connector.updateConfiguration({ denied_nodes: 'SaveImage' });
    await expect(attempt({ workflow: graphWith() }).result).rejects.toMatchObject({ code: 'permission' });
    expect(() => new ComfyUIRemoteConnector('nowhere').getConfiguration()).not.toThrow();
    await expect(new ComfyUIRemoteConnector('nowhere', { url: '', host: '' }).initialize()).rejects.toMatchObject({
      message: expect.stringMatching(/neither COMFYUI_URL nor COMFYUI_HOST is set/),
    });
  });

  test('says what the server is and has', async () => {
    const { connector } = await bench();
    await connector.initialize();
    expect(await connector.getAvailableModels()).toContain('sd_xl_base_1.0.safetensors');
    const { capabilities } = await connector.getServiceInfo();
    expect(capabilities.supported_models).toContain('sd_xl_base_1.0.safetensors');
    expect(await connector.getServiceInfo()).toMatchObject({
      service_name: 'ComfyUI',
      service_version: '0.3.64',
      status: 'online',
      queue_info: { pending_jobs: 0, active_jobs: 0 },
    });
    expect(connector.getStatus()).toBe('idle');
  });
});

async function bench(config = {}) {
  const made = await comfyBench(config);
  const { double, connector } = made;
  return { attempt: made.attempt.bind(made), double, connector };
}
