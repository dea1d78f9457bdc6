import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ApiFixture } from './api-fixture.ts';

let api: ApiFixture;

beforeAll(async () => {
  api = await ApiFixture.start();
});
afterAll(() => api.stop());
beforeEach(() => {
  api.stack.connector.script = async () => 'done';
});

describe('submit', () => {
  test('answers 201 with the job, its address, and where it goes', async () => {
    const response = await api.post('/api/jobs', { service: 'scripted', payload: { text: 'hello' }, tags: ['a'] });
    expect(response.status).toBe(201);
    const job = (await response.json()) as Record<string, unknown>;
    expect(response.headers.get('location')).toBe(`/api/jobs/${String(job['id'])}`);
    expect(job).toMatchObject({ status: 'queued', service: 'scripted', pool: 'first', priority: 3, tags: ['a'] });
    const ended = await api.untilStatus(String(job['id']), 'completed');
    expect(ended).toMatchObject({ result: 'done', attempt: 1, payload: { text: 'hello' }, tags: ['a'] });
  });

  test('Prefer: wait answers with the finished job', async () => {
    const response = await api.post('/api/jobs', { service: 'scripted' }, { prefer: 'wait=30' });
    expect(response.status).toBe(201);
    expect(response.headers.get('preference-applied')).toBe('wait=30');
    expect(await response.json()).toMatchObject({ status: 'completed', result: 'done' });
  });
});
