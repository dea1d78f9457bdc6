import { afterEach, describe, expect, test } from '@jest/globals';
import { A1111RemoteConnector } from '../../../connectors/a1111/connector.ts';
import { buildRequest } from '../../../connectors/a1111/build-request.ts';
import { a1111Payload } from '../../../connectors/a1111/payload.schema.ts';
import { BodyCheck } from '../../doubles/a1111/openapi.ts';
import type { Json } from '../../doubles/hosted/wire.ts';
import { cancelled, pngDataUrl } from '../base/hosted/hosted-bench.ts';
import { contextFor, eventually, jobOf } from '../harness.ts';
import { openFrom } from './open-inputs.ts';

const { A1111_URL: url, A1111_USERNAME: user, A1111_PASSWORD: password } = process.env;
const reason = url ? '' : ' (skipped: A1111_URL does not name a server)';
const LONG = 600_000;

/** The real thing: whatever checkpoint it has, few steps, small pictures; with the environment of a worker. */
(url ? describe : describe.skip)(`a real web UI${reason}`, () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  });

  function attempt(payload: Record<string, unknown>) {
    const connector = new A1111RemoteConnector('real', { health_check_interval_seconds: 0 });
    const context = contextFor();
    cleanUps.push(
      () => connector.cleanup(),
      () => context.remove(),
    );
    const progress: number[] = [];
    const job = jobOf(payload, { id: `real-${process.pid}-${Date.now()}` });
    const outcome = connector.processJob(job, (update) => void progress.push(update.progress), openFrom(context));
    outcome.catch(() => {});
    return { connector, context, progress, outcome };
  }

  const SMALL = { prompt: 'a lighthouse', steps: 4, width: 256, height: 256, seed: 1 };

  test(
    'words to pictures, in a batch',
    async () => {
      const { outcome, progress } = attempt({ ...SMALL, n_iter: 2 });
      const { artifacts, result } = await outcome;
      expect(artifacts).toMatchObject([{ meta: { width: 256, seed: 1 } }, { meta: { width: 256, seed: 2 } }]);
      expect(result).toMatchObject({ submissions: 1, model: expect.any(String) });
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    },
    LONG,
  );

  test(
    'pictures to pictures, and extras',
    async () => {
      const image = await pngDataUrl();
      const { artifacts } = await attempt({ ...SMALL, image, denoising_strength: 0.5 }).outcome;
      expect(artifacts).toHaveLength(1);
      const extras = attempt({ mode: 'extras', image, upscaler_1: 'Lanczos', upscaling_resize: 2 });
      expect((await extras.outcome).artifacts).toMatchObject([{ meta: { width: 16, height: 16 } }]);
    },
    LONG,
  );

  test(
    'a cancel stops it',
    async () => {
      const { outcome, context, connector } = attempt({ ...SMALL, steps: 150, n_iter: 20 });
      const id = await eventually(() => context.tracked[0]!.serviceJobId);
      await eventually(async () => expect((await connector.queryJobStatus(id)).status).toBe('running'), LONG);
      context.abort(cancelled());
      await expect(outcome).rejects.toMatchObject({ message: 'CANCELLED' });
      expect((await connector.queryJobStatus(id)).status).not.toBe('running');
    },
    LONG,
  );

  test('names that it does not have are refused', async () => {
    await expect(attempt({ ...SMALL, model: 'no-such' }).outcome).rejects.toMatchObject({ code: 'missing_model' });
    await expect(attempt({ ...SMALL, sampler_name: 'no-such' }).outcome).rejects.toMatchObject({ code: 'validation' });
  });

  test('requests hold to what it says of itself', async () => {
    const headers = user
      ? { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
      : undefined;
    const document = (await (await fetch(`${url}/openapi.json`, { headers })).json()) as Json;
    const payload = a1111Payload.parse({ ...SMALL, negative_prompt: 'x', sampler_name: 'Euler', enable_hr: true });
    const none = { pictures: [], mask: undefined, scriptArgs: undefined, alwaysonScripts: undefined };
    const { body } = buildRequest('job', payload, {}, none);
    const sent = { ...body, force_task_id: 'task(x)' };
    expect(new BodyCheck(document).problems('POST /sdapi/v1/txt2img', sent)).toEqual([]);
  });
});
