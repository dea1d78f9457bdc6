import { describe, expect, test } from '@jest/globals';
import { serviceHealth } from '../../api/services/service-health.ts';
import type { ConnectorReport } from '../../contract/connector-report.schema.ts';
import { ReportBook } from '../../platform/live/report-book.ts';
import type { QueuePresence } from '../../platform/presence/presence-cache.ts';
import type { WorkerPresence } from '../../platform/presence/worker-presence.ts';

const routes = [{ pool: 'p', capability: 'c', connector: 'C', required_env: ['A_KEY'] }];

function reportOf(worker: string, health: ConnectorReport['health'], more: Partial<ConnectorReport> = {}) {
  return { worker, connector: 'C', queues: [{ pool: 'p', capability: 'c' }], health, ...more };
}

function presenceOf(identity: string, runsSince = 3_600_000): WorkerPresence {
  return {
    ...{ task_queue: 'p.c', identity, host: 'h', process_id: '1', slots_used: 1, slots_free: 2 },
    started_at: new Date(1_000_000_000_000).toISOString(),
    heartbeat_at: new Date(1_000_000_000_000 + runsSince).toISOString(),
  };
}

function look(present: WorkerPresence[], reports: ConnectorReport[], ageMs = 1_000, known = true) {
  const presence = { workers: () => present, queue: (): QueuePresence => (known ? 'free' : 'unknown') };
  return serviceHealth(routes, { presence, reports: reports.map((report) => ({ report, ageMs })) }, true);
}

describe('the health of a service', () => {
  test.each<[ConnectorReport['health'][], string]>([
    [['healthy', 'healthy'], 'healthy'],
    [['healthy', 'unhealthy'], 'degraded'],
    [['degraded', 'unhealthy'], 'degraded'],
    [['degraded'], 'degraded'],
    [['unhealthy', 'unhealthy'], 'unhealthy'],
    [['unhealthy', 'unknown'], 'unhealthy'],
    [['healthy', 'unknown'], 'healthy'],
    [['unknown'], 'unknown'],
    [['not_set_up'], 'no_worker'],
    [['not_set_up', 'healthy'], 'healthy'],
  ])('workers that are %j: %s', (states, health) => {
    const reports = states.map((state, index) => reportOf(`w${index}`, state, { reason: `why ${index}` }));
    const view = look(
      states.map((_, index) => presenceOf(`w${index}`)),
      reports,
    );
    // A worker that lacks variables does not poll the queue; here presence says it does, which is then believed.
    if (!states.includes('not_set_up')) expect(view.health).toBe(health);
    expect(look([], reports).health).toBe(health);
  });

  test('the reason names the worker, and how many are concerned', () => {
    const reports = [reportOf('one', 'healthy'), reportOf('two', 'unhealthy', { reason: 'gone' })];
    expect(look([], reports).health_reason).toBe('two: gone (1 of 2 workers)');
  });

  test('without a worker the variables that it needs are named', () => {
    expect(look([], [])).toMatchObject({ health: 'no_worker', health_reason: 'its workers need A_KEY', served_by: [] });
  });

  test('a worker that has left presence counts as gone, also before its report expires', () => {
    const reports = [reportOf('dead', 'healthy')];
    expect(look([presenceOf('other')], reports, 20_000).served_by.map(({ worker }) => worker)).toEqual(['other']);
    expect(look([], reports, 20_000).health).toBe('no_worker');
    // Where Temporal does not say who is there, reports alone do.
    expect(look([], reports, 20_000, false).health).toBe('healthy');
    expect(look([], [], 0, false).health).toBe('unknown');
  });

  test('a worker that does not report says how to change that; a new one has a moment', () => {
    expect(look([presenceOf('far')], []).health_reason).toContain('SWITCHYARD_LIVE_URL');
    expect(look([presenceOf('far', 3_000)], []).health_reason).toBe('far: it has just started');
    expect(look([presenceOf('far')], []).served_by[0]).toMatchObject({ slots: 3, slots_free: 2, health: 'unknown' });
  });
});

describe('reports', () => {
  test('the last one of each connector of each worker stands, until it is not renewed', () => {
    let now = 0;
    const book = new ReportBook(() => now);
    book.take(reportOf('a', 'healthy'));
    book.take(reportOf('b', 'healthy'));
    now = 60_000;
    book.take(reportOf('a', 'unhealthy'));
    expect(book.list().map(({ report, ageMs }) => [report.worker, report.health, ageMs])).toEqual([
      ['b', 'healthy', 60_000],
      ['a', 'unhealthy', 0],
    ]);
    now = 100_000;
    expect(book.list().map(({ report }) => report.worker)).toEqual(['a']);
    now = 200_000;
    expect(book.list()).toEqual([]);
  });
});
