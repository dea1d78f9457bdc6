import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { FieldError } from '../../contract/errors.ts';
import type { Catalog } from '../../platform/catalog/catalog.ts';
import { InvalidJobError } from '../../platform/routing/invalid-job-error.ts';
import { HotSends } from '../../platform/routing/hot-sends.ts';
import { planJob, planValidatedJob, type PlanningOptions } from '../../platform/routing/plan-job.ts';
import { catalogOf, scriptedCatalog, scriptedManifest } from '../harness/in-process-stack.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const options: PlanningOptions = { artifactRetention: 1_000, heartbeatTimeout: 10_000, maxPayloadBytes: 2_000 };
const catalog = scriptedCatalog({
  first: {
    timeout_seconds: 30,
    retry_attempts: 2,
    max_retry_attempts: 4,
    max_timeout_seconds: 60,
    offers: { machine_type: 'api' },
  },
  big: { offers: { machine_type: 'gpu', gpu_count: 2, gpu_memory_mb: 24_000, models: ['sdxl'] } },
});
/** The same service with a file among its inputs. */
const withPicture = catalogOf(
  'ScriptedConnector',
  {
    ...scriptedManifest,
    payload: z.strictObject({ image: z.string() }),
    inputs: [{ field: 'image', description: 'A picture', mime: [], required: true }],
  },
  { first: {} },
);

function plan(document: unknown, from: Catalog = catalog, extra: Partial<PlanningOptions> = {}) {
  return planJob(document, from, { ...options, ...extra }, NOW);
}

function errorsOf(document: unknown, from?: Catalog): FieldError[] {
  try {
    plan(document, from);
  } catch (error) {
    if (error instanceof InvalidJobError) return error.errors;
    throw error;
  }
  throw new Error('the job was taken');
}

describe('a valid job', () => {
  test('gets defaults, the pool’s times and its routes in order', () => {
    const { job, plan: made } = plan({ service: 'scripted', payload: { text: 'x' } });
    expect(job).toMatchObject({ priority: 3, tags: [], metadata: {}, payload: { text: 'x' } });
    expect(made).toMatchObject({
      connector: 'ScriptedConnector',
      run_timeout_ms: 30_000,
      retry: { max_attempts: 3 },
      routes: [{ task_queue: 'first.scripted', spill_after_ms: 60_000 }, { task_queue: 'big.scripted' }],
    });
  });

  test('durations become milliseconds', () => {
    const { job, plan: made } = plan({
      service: 'scripted',
      start_timeout: '2m',
      run_timeout: 45,
      artifact_retention: '1h',
    });
    expect([job.start_timeout, made.run_timeout_ms, made.artifact_retention_ms]).toEqual([120_000, 45_000, 3_600_000]);
  });

  test('planned again, it is not parsed again', () => {
    const { job } = plan({ service: 'scripted', run_timeout: '45s' });
    expect(planValidatedJob(job, catalog, options, NOW).plan.run_timeout_ms).toBe(45_000);
  });

  test.each([
    [{ machine_type: 'gpu' }, ['big.scripted.gpu1', 'any.scripted.gpu1']],
    [{ gpu_memory_mb: 16_000 }, ['big.scripted.gpu1x16000', 'any.scripted.gpu1x16000']],
    [{ gpu_count: 8 }, ['any.scripted.gpu8']],
    [{ machine_type: 'cpu' }, ['big.scripted']],
    [{ machine_type: 'api' }, ['first.scripted', 'big.scripted']],
    // One connector serves it in any case.
    [{ connector: 'ScriptedConnector' }, ['first.scripted', 'big.scripted']],
  ])('requirements %j lead to %j', (requirements, queues) => {
    const { routes } = plan({ service: 'scripted', requirements }).plan;
    expect(routes.map((route) => route.task_queue)).toEqual(queues);
  });

  test('a model has a queue for each name, however it is written', () => {
    const [plain, file, other] = ['sdxl', 'checkpoints/SDXL.safetensors', 'other'].map(
      (model) => plan({ service: 'scripted', requirements: { model } }).plan.routes.at(-1)!.task_queue,
    );
    expect(plain).toMatch(/^any\.scripted\.m_[0-9a-f]{12}$/);
    expect(file).toBe(plain);
    expect(other).not.toBe(plain);
  });

  test('a forced pool has no alternative, and the needs go with it', () => {
    const { plan: made } = plan({ service: 'scripted', pool: 'first', requirements: { gpu_count: 1 } });
    expect(made.routes.map((route) => route.task_queue)).toEqual(['first.scripted.gpu1']);
  });

  test('needs are announced unless somebody polls for them', () => {
    const requirements = { gpu_count: 8 };
    const { plan: made } = plan({ service: 'scripted', requirements });
    expect(made).toMatchObject({ needs: '8 GPUs', announce: { label: 'gpu8', terms: { gpu_count: 8 } } });
    const known = plan({ service: 'scripted', requirements }, catalog, { presence: () => 'busy' }).plan;
    expect(known.announce).toBeUndefined();
  });

  test('a loaded model goes before, once, unless too many are on their way there', () => {
    const job = { service: 'scripted', requirements: { model: 'sdxl' } };
    const presence = (queue: string) => (queue.startsWith('big.') ? 'busy' : 'none');
    const extra: Partial<PlanningOptions> = { presence, hotSends: new HotSends() };
    const routes = Array.from({ length: 6 }, () => plan(job, catalog, extra).plan.routes);
    expect(routes[0]).toMatchObject([
      { task_queue: expect.stringMatching(/^big\.scripted\.m_.*-hot$/), spill_after_ms: 5_000, once: true },
      { pool: 'big' },
      { pool: 'any', stay: true },
    ]);
    expect(routes.filter(([first]) => first!.once).length).toBe(4);
  });

  test('pools that nobody serves now come last', () => {
    const made = plan({ service: 'scripted' }, catalog, {
      presence: (queue) => (queue === 'first.scripted' ? 'none' : 'free'),
    }).plan;
    expect(made.routes.map((route) => route.pool)).toEqual(['big', 'first']);
  });
});

describe('an invalid job names the field, the problem and the way out', () => {
  test.each<[string, unknown, RegExp]>([
    ['deadline', '2030-01-01T00:00:00', /with its zone, such as/],
    ['deadline', 1_893_456_000, /with its zone, such as/],
    ['start_timeout', true, /is not a duration; give/],
    ['start_timeout', Number.POSITIVE_INFINITY, /is not a duration; give/],
    ['artifact_retention', null, /is not a duration; give/],
  ])('%s: %j', (field, value, detail) => {
    expect(errorsOf({ service: 'scripted', [field]: value })).toEqual([
      { pointer: `/${field}`, detail: expect.stringMatching(detail) as unknown as string },
    ]);
  });

  test('metadata of a wrong kind, and under too long a name', () => {
    const long = 'x'.repeat(65);
    expect(errorsOf({ service: 'scripted', metadata: { a: null, [long]: 1 } })).toEqual([
      { pointer: '/metadata/a', detail: 'must be string, number or boolean' },
      { pointer: `/metadata/${long}`, detail: 'has a name of more than 64 characters' },
    ]);
  });

  test.each<[string, unknown, FieldError]>([
    [
      'no object',
      'text',
      { pointer: '', detail: expect.stringContaining('must be a JSON object') as unknown as string },
    ],
    ['no service', {}, { pointer: '/service', detail: 'is missing' }],
    ['unknown field', { service: 'scripted', colour: 1 }, { pointer: '/colour', detail: 'is not a known field' }],
    [
      'wrong type',
      { service: 'scripted', tags: 'a' },
      { pointer: '/tags', detail: expect.stringContaining('type array') as unknown as string },
    ],
    [
      'out of range',
      { service: 'scripted', priority: 0 },
      { pointer: '/priority', detail: expect.any(String) as unknown as string },
    ],
    [
      'no duration',
      { service: 'scripted', run_timeout: 'soon' },
      { pointer: '/run_timeout', detail: expect.stringContaining('"90s"') as unknown as string },
    ],
    [
      'over the pool’s retries',
      { service: 'scripted', retry: { max_attempts: 9 } },
      {
        pointer: '/retry/max_attempts',
        detail: expect.stringContaining('limit of pool first') as unknown as string,
        hint: 'give at most 5',
      },
    ],
    [
      'over the pool’s run time',
      { service: 'scripted', run_timeout: '2m' },
      { pointer: '/run_timeout', detail: expect.any(String) as unknown as string, hint: 'give at most 1m' },
    ],
    [
      'a past deadline',
      { service: 'scripted', deadline: '2020-01-01T00:00:00Z' },
      { pointer: '/deadline', detail: expect.stringContaining('in the past') as unknown as string },
    ],
    [
      'an unknown connector',
      { service: 'scripted', requirements: { connector: 'X' } },
      {
        pointer: '/requirements/connector',
        detail: expect.any(String) as unknown as string,
        hint: 'one of: ScriptedConnector',
      },
    ],
  ])('%s', (_, document, expected) => {
    expect(errorsOf(document)).toContainEqual(expect.objectContaining(expected));
  });

  test('all of them at once', () => {
    const pointers = errorsOf({
      service: 'scripted',
      payload: { number: 99, other: 1 },
      deadline: '2020-01-01T00:00:00Z',
    }).map((e) => e.pointer);
    expect(pointers.sort()).toEqual(['/deadline', '/payload/number', '/payload/other']);
  });

  test.each([
    ['harbour.png', 'is no media reference of a known kind'],
    ['ftp://host/a.png', 'is no media reference of a known kind'],
    ['https://', 'is no URL'],
    ['data:image/png,abc', 'is no base64 data URL'],
    ['file:', 'is no usable file reference'],
    ['artifact:../../etc/passwd', 'is no reference of the artifact store'],
    ['artifact:inputs/abc', 'is no reference of the artifact store'],
  ])('a file named as %s', (image, detail) => {
    expect(errorsOf({ service: 'scripted', payload: { image } }, withPicture)).toEqual([
      { pointer: '/payload/image', detail, hint: expect.any(String) as unknown as string },
    ]);
  });

  test.each(['file:a.png', 'HTTPS://host/a.png', 'data:;base64,aGk=', `artifact:inputs/${'0'.repeat(64)}`, ''])(
    'but not a file named as %j',
    (image) => {
      expect(plan({ service: 'scripted', payload: { image } }, withPicture).job.payload).toEqual({ image });
    },
  );

  test('__proto__ at any depth', () => {
    const document: unknown = JSON.parse('{"service":"scripted","payload":{"a":{"__proto__":{"x":1}}}}');
    expect(errorsOf(document)).toEqual([expect.objectContaining({ pointer: '/payload/a/__proto__' })]);
  });

  test('too deep, without exhausting the stack', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 5_000; i++) deep = [deep];
    expect(errorsOf({ service: 'scripted', payload: { deep } })[0]!.detail).toContain('32 levels');
  });

  test('too large', () => {
    expect(() => plan({ service: 'scripted', payload: { text: 'x'.repeat(3_000) } })).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });
});
