import { describe, expect, test } from '@jest/globals';
import { A1111CloudConnector, A1111Connector, A1111RemoteConnector } from '../../../connectors/a1111/connector.ts';
import { RAISES } from '../../doubles/a1111/python-error.ts';
import { A1111Bench, SMALL } from './a1111-bench.ts';

const bench = new A1111Bench();

describe('errors of the server, in its own words', () => {
  test('out of memory', async () => {
    bench.double.raises.push(RAISES.outOfMemory());
    await expect(bench.attempt(SMALL).outcome).rejects.toMatchObject({
      code: 'out_of_memory',
      message: expect.stringContaining('CUDA out of memory. Tried to allocate 2.00 GiB'),
    });
  });

  test('what the same job raises again is not tried again; what may be a bad moment is', async () => {
    bench.double.raises.push(RAISES.nans());
    await expect(bench.attempt(SMALL).outcome).rejects.toMatchObject({
      code: 'backend_error',
      retryable: false,
      message: expect.stringContaining('NansException: A tensor with all NaNs'),
    });
    bench.double.raises.push(RAISES.attribute());
    await expect(bench.attempt(SMALL).outcome).rejects.toMatchObject({ code: 'backend_error', retryable: undefined });
  });

  test('fields that the server refuses, by their places in the job', async () => {
    const { outcome } = bench.attempt({ ...SMALL, extra_body: { s_churn: 'much', comments: 5 } });
    await expect(outcome).rejects.toMatchObject({
      code: 'validation',
      errors: [
        { pointer: '/payload/extra_body/s_churn', detail: 'value is not a valid float' },
        { pointer: '/payload/extra_body/comments', detail: 'value is not a valid dict' },
      ],
    });
  });

  test('a script that is gone since the list was read', async () => {
    bench.double.lacks.add('scripts').add('script-info');
    await expect(bench.attempt({ ...SMALL, script_name: 'magic' }).outcome).rejects.toMatchObject({
      code: 'validation',
      errors: [{ pointer: '/payload/script_name', detail: "Script 'magic' not found" }],
    });
    await expect(bench.attempt({ ...SMALL, alwayson_scripts: { magic: {} } }).outcome).rejects.toMatchObject({
      errors: [{ pointer: '/payload/alwayson_scripts' }],
    });
  });

  test('an address without the API', async () => {
    const { outcome } = bench.attempt(SMALL, {}, { base_url: `${bench.double.url}/elsewhere` });
    await expect(outcome).rejects.toMatchObject({ code: 'not_found' });
  });

  test("a proxy's page, while the server goes on: told as a loss", async () => {
    const body = '<html><head><title>504 Gateway Time-out</title></head></html>';
    bench.state.faults.order('work', { kind: 'status', status: 504, body, headers: { 'content-type': 'text/html' } });
    const { outcome, context } = bench.attempt(SMALL);
    await expect(outcome).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('504 Gateway') });
    expect(context.checkpoints).toEqual([]);
  });

  test('a server that falls silent while it works', async () => {
    bench.state.stages.hold('running');
    const { outcome } = bench.attempt(SMALL, {}, { timeout_seconds: 2, outage_seconds: 1 });
    await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
    bench.state.stages.silence();
    await expect(outcome).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringMatching(/has not answered for/),
    });
    bench.state.stages.reset();
  });
});

describe('settings', () => {
  test('credentials of --api-auth', async () => {
    bench.double.auth = { user: 'ann', password: 'a-long-secret' };
    await expect(bench.attempt(SMALL).outcome).rejects.toMatchObject({ code: 'authentication' });
    const wrong = bench.attempt(SMALL, {}, { username: 'ann', password: 'wrong-secret' });
    const refused: Error = await wrong.outcome.then(
      () => new Error('let in'),
      (error: Error) => error,
    );
    expect(refused).toMatchObject({ code: 'authentication' });
    expect(refused.message).toContain('Incorrect username or password');
    expect(refused.message).not.toContain('wrong-secret');
    const { outcome } = bench.attempt(SMALL, {}, { username: 'ann', password: 'a-long-secret' });
    expect((await outcome).status).toBe('completed');
  });

  test('a bad value names its variable', () => {
    const make = (config: object) => new A1111Connector('x', config).initialize();
    return Promise.all([
      expect(make({ poll_seconds: 'soon' })).rejects.toMatchObject({
        code: 'validation',
        message: expect.stringContaining('A1111_POLL_SECONDS must be a number of seconds'),
      }),
      expect(make({ recover: 'maybe' })).rejects.toMatchObject({ message: expect.stringContaining('A1111_RECOVER') }),
      expect(new A1111RemoteConnector('x', {}).initialize()).rejects.toMatchObject({
        message: expect.stringContaining('neither A1111_URL nor A1111_HOST is set'),
      }),
    ]);
  });

  test('a hosted one must want credentials, and they do not travel in the clear', async () => {
    const make = (config: object) => new A1111CloudConnector('x', config).initialize();
    const base_url = 'http://sd.example.org';
    await expect(make({ base_url })).rejects.toMatchObject({
      code: 'authentication',
      message: expect.stringContaining('A1111_USERNAME and A1111_PASSWORD'),
    });
    await expect(make({ base_url, username: 'ann', password: 'secret-enough' })).rejects.toMatchObject({
      code: 'validation',
      message: expect.stringContaining('https'),
    });
    const near = bench.ready({ username: 'ann', password: 'secret-enough' }, A1111CloudConnector);
    expect((await bench.start(near, SMALL).outcome).status).toBe('completed');
  });
});

describe('what the connector says of its server', () => {
  test('health, what runs, what waits', async () => {
    const connector = bench.ready();
    await connector.initialize();
    expect(await connector.checkHealth()).toBe(true);
    expect(await connector.getServiceInfo()).toMatchObject({ status: 'online', queue_info: { active_jobs: 0 } });
    bench.state.stages.hold('running');
    const foreign = [bench.foreign(), bench.foreign()];
    await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
    // A long job is no illness.
    expect(await connector.checkHealth()).toBe(true);
    expect(await connector.getServiceInfo()).toMatchObject({
      status: 'busy',
      capabilities: {
        concurrent_jobs: 1,
        supported_models: ['dreamlike-v1.safetensors [0123456789]', 'anything-v3.ckpt [8712e20a5d]'],
      },
      resource_usage: { gpu_memory_mb: 3_072 },
      queue_info: { active_jobs: 1, pending_jobs: 1 },
    });
    bench.state.stages.release();
    await Promise.all(foreign);
  });

  test('its lists, asked for once in a while', async () => {
    const connector = bench.ready();
    expect(await connector.getAvailableModels()).toEqual([
      'dreamlike-v1.safetensors [0123456789]',
      'anything-v3.ckpt [8712e20a5d]',
    ]);
    expect(await connector.getAvailableSamplers()).toContain('Euler a');
    expect(await connector.getAvailableUpscalers()).toContain('R-ESRGAN 4x+');
    expect(await connector.getAvailableScripts()).toMatchObject({ txt2img: ['prompt matrix', 'controlnet'] });
    await connector.getAvailableModels();
    expect(bench.state.seen('GET', '/sdapi/v1/sd-models')).toHaveLength(1);
    bench.double.install();
    await connector.refreshModels();
    expect(await connector.getAvailableModels()).toContain('late-arrival.safetensors [fedcba9876]');
  });

  test('models are loaded and unloaded between jobs, not under them', async () => {
    const connector = bench.ready();
    bench.state.stages.hold('running');
    const job = bench.start(connector, SMALL);
    await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
    const loading = connector.loadModel('anything-v3');
    await connector.checkHealth();
    expect(bench.state.seen('POST', '/sdapi/v1/options')).toHaveLength(0);
    bench.state.stages.release();
    await loading;
    expect((await job.outcome).result).toMatchObject({ model: 'dreamlike-v1' });
    expect(bench.double.ui.loaded).toBe('anything-v3.ckpt [8712e20a5d]');
    await connector.freeMemory();
    expect(bench.state.seen('POST', '/sdapi/v1/unload-checkpoint')).toHaveLength(1);
    await expect(connector.loadModel('nope')).rejects.toMatchObject({ code: 'missing_model' });
  });

  test('how a job is', async () => {
    const connector = bench.ready();
    bench.state.stages.hold('running');
    const { outcome, context } = bench.start(connector, SMALL);
    await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
    const id = context.tracked[0]!.serviceJobId;
    expect(await connector.queryJobStatus(id)).toMatchObject({ status: 'running', canCancel: true });
    bench.state.stages.release();
    await outcome;
    expect(await connector.queryJobStatus(id)).toMatchObject({ status: 'completed', canReconnect: false });
    expect(await connector.queryJobStatus('task(nobody)')).toMatchObject({ status: 'unknown' });
  });
});
