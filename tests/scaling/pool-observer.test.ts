import { describe, expect, test } from '@jest/globals';
import type { Need } from '../../contract/needs.ts';
import type { WorkerPresence } from '../../platform/presence/worker-presence.ts';
import { PoolObserver } from '../../platform/scaling/pool-observer.ts';
import { scriptedCatalog } from '../harness/in-process-stack.ts';

const catalog = scriptedCatalog({ first: { max_concurrent_jobs: 3 }, second: {} });

function worker(change: Partial<WorkerPresence> = {}): WorkerPresence {
  const time = new Date(0).toISOString();
  return {
    task_queue: 'first.scripted',
    identity: 'worker/first',
    host: 'box',
    process_id: '1',
    started_at: time,
    heartbeat_at: time,
    slots_used: 0,
    slots_free: 3,
    attempts_ended: 0,
    attempts_failed: 0,
    ...change,
  };
}

/** An observer of what a test says: queues that nobody filled are empty. */
function observerOf(waiting: Record<string, [queued: number, oldestMs: number]>, needs: Need[] = []) {
  const present: WorkerPresence[] = [];
  const asked: string[] = [];
  const backlogs = {
    read: async (queue: string) => {
      asked.push(queue);
      const [queued, oldest_ms] = waiting[queue] ?? [0, 77];
      return { queued, oldest_ms };
    },
  };
  const observer = new PoolObserver(catalog, backlogs, { workers: () => present }, () => needs);
  return { observer, present, asked };
}

describe('a look at a pool', () => {
  test('jobs with needs wait in queues of their own and take the same slots', async () => {
    const need = { label: 'gpu2', capability: 'scripted', terms: { gpu_count: 2 } };
    const given = {
      'first.scripted': [2, 500],
      'first.scripted.gpu2': [3, 9_000],
      'second.scripted': [90, 1],
    } as const;
    const { observer, present, asked } = observerOf({ ...given } as never, [need, { ...need, capability: 'other' }]);
    present.push(
      worker({ slots_used: 1, slots_free: 2 }),
      worker({ task_queue: 'first.scripted.gpu2', slots_used: 1 }),
    );
    present.push(worker({ task_queue: 'second.scripted', process_id: '2' }));
    const look = await observer.look('first', 0);
    expect(asked).toEqual(['first.scripted', 'first.scripted.gpu2']);
    expect(look.queues).toMatchObject([{ capability: 'scripted', backlog: 5, oldest_ms: 9_000, running: 2 }]);
    expect(look.processes).toEqual([{ host: 'box', process_id: '1', running: 2, leaving: false }]);
  });

  test('an empty queue has no oldest job; slots are those of the pool until a worker tells its own', async () => {
    const { observer, present } = observerOf({});
    expect((await observer.look('first', 0)).queues).toMatchObject([{ backlog: 0, oldest_ms: 0, slots: 3 }]);
    present.push(worker({ slots_used: 2, slots_free: 5 }));
    expect((await observer.look('first', 1)).queues[0]).toMatchObject({ slots: 7 });
    present.splice(0, 1, worker({ slots_free: -1 }));
    expect((await observer.look('first', 2)).queues[0]).toMatchObject({ slots: 3 });
  });

  test('a worker that leaves takes no jobs; a queue without any other is unserved only after a while', async () => {
    const { observer, present } = observerOf({ 'first.scripted': [5, 1] });
    present.push(worker({ task_queue: 'first.another', process_id: '2' }), worker({ leaving: true, slots_free: 0 }));
    const unserved = [];
    for (let at = 0; at < 4; at++) unserved.push((await observer.look('first', at)).queues[0]!.unserved);
    expect(unserved).toEqual([undefined, undefined, true, true]);
    present.push(worker({ process_id: '3' }));
    expect((await observer.look('first', 5)).queues[0]!.unserved).toBeUndefined();
  });

  test('a backlog that cannot be had is no empty one', async () => {
    const gone = { read: () => Promise.reject(new Error('away')) };
    await expect(new PoolObserver(catalog, gone, { workers: () => [] }).look('first', 0)).rejects.toThrow('away');
  });
});
