import { describe, expect, test } from '@jest/globals';
import type { FieldError } from '../../contract/errors.ts';
import type { Catalog } from '../../platform/catalog/catalog.ts';
import { InvalidJobError } from '../../platform/routing/invalid-job-error.ts';
import { planJob, planValidatedJob, type PlanningOptions } from '../../platform/routing/plan-job.ts';
import { scriptedCatalog } from '../harness/in-process-stack.ts';

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

function plan(document: unknown, from: Catalog = catalog, extra: Partial<PlanningOptions> = {}) {
  return planJob(document, from, { ...options, ...extra }, NOW);
}

function errorsOf(document: unknown): FieldError[] {
  try {
    plan(document);
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
    [{ machine_type: 'gpu' }, 'big.scripted'],
    [{ gpu_memory_mb: 16_000 }, 'big.scripted'],
    [{ model: 'sdxl' }, 'first.scripted'],
    [{ model: 'other' }, 'first.scripted'],
    [{ machine_type: 'api' }, 'first.scripted'],
  ])('requirements %j lead to %s', (requirements, queue) => {
    expect(plan({ service: 'scripted', requirements }).plan.routes[0]!.task_queue).toBe(queue);
  });

  test('requirements that no pool meets make it wait, saying what is lacking', () => {
    const { plan: made } = plan({ service: 'scripted', requirements: { gpu_count: 8 } });
    expect(made.routes).toEqual([{ pool: 'unmatched', capability: 'scripted', task_queue: 'unmatched.scripted' }]);
    expect(made.unmatched).toContain('gpu_count 8 (pool big offers 2)');
  });

  test('pools that nobody serves now come last', () => {
    const made = plan({ service: 'scripted' }, catalog, {
      presence: (queue) => (queue === 'first.scripted' ? 'none' : 'free'),
    }).plan;
    expect(made.routes.map((route) => route.pool)).toEqual(['big', 'first']);
  });
});

describe('an invalid job names the field, the problem and the way out', () => {
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
      { pointer: '/tags', detail: expect.stringContaining('expected array') as unknown as string },
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
