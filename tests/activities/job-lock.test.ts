import { describe, expect, test } from '@jest/globals';
import { JobLock } from '../../activities/process-job/job-lock.ts';

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

const never = new AbortController().signal;

describe('one attempt of a job at a time', () => {
  test('the second waits for the first, another job does not', async () => {
    const lock = new JobLock();
    const order: string[] = [];
    const first = gate();
    const a1 = lock.run('a', never, async () => {
      await first.opened;
      order.push('a1');
    });
    const a2 = lock.run('a', never, async () => void order.push('a2'));
    await lock.run('b', never, async () => void order.push('b'));
    first.open();
    await Promise.all([a1, a2]);
    expect(order).toEqual(['b', 'a1', 'a2']);
  });

  test('a failed attempt lets the next one in', async () => {
    const lock = new JobLock();
    await expect(lock.run('a', never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(lock.run('a', never, async () => 'ok')).resolves.toBe('ok');
  });

  test('a waiting attempt that is aborted gives up, and the third still waits for the first', async () => {
    const lock = new JobLock();
    const first = gate();
    const order: string[] = [];
    const a1 = lock.run('a', never, async () => {
      await first.opened;
      order.push('a1');
    });
    const aborting = new AbortController();
    const a2 = lock.run('a', aborting.signal, async () => void order.push('a2'));
    const a3 = lock.run('a', never, async () => void order.push('a3'));
    aborting.abort(new Error('cancelled'));
    await expect(a2).rejects.toThrow('cancelled');
    first.open();
    await Promise.all([a1, a3]);
    expect(order).toEqual(['a1', 'a3']);
  });
});
