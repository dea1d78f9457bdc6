import { describe, expect, test } from '@jest/globals';
import { eventually } from '../harness.ts';
import { comfyBench, graphWith, heldGraph, workerShutdown, type ComfyBench } from './comfy-bench.ts';

describe('a prompt outlives what breaks', () => {
  test('the next worker stays with a prompt that runs', async () => {
    const bench = await comfyBench();
    const payload = { workflow: heldGraph('gate') };
    const serviceJobId = await leave(bench, payload);
    const next = bench.another().attempt(payload, { attempt: 2, serviceJobId });
    await eventually(() => expect(next.progress.at(-1)?.message).toMatch(/Hold \(node 5\)/));
    bench.double.release('gate');
    const { result, artifacts } = await next.result;
    expect(result).toMatchObject({ prompt_id: serviceJobId, reattached: true, submissions: 0 });
    expect(artifacts).toHaveLength(1);
    expect(bench.double.submissionsOf()).toBe(1);
  });

  test('the next worker collects a prompt that has finished meanwhile', async () => {
    const bench = await comfyBench();
    const payload = { workflow: heldGraph('gate') };
    const serviceJobId = await leave(bench, payload);
    bench.double.release('gate');
    await eventually(() => expect(bench.double.worker.history.size).toBe(1));
    const { artifacts, result } = await bench.another().attempt(payload, { attempt: 2, serviceJobId }).result;
    expect(artifacts).toHaveLength(1);
    expect(result).toMatchObject({ reattached: true });
    expect(bench.double.submissionsOf()).toBe(1);
  });

  test('a worker that dies before anything is durable is found again by the id it chose', async () => {
    const bench = await comfyBench();
    const payload = { workflow: heldGraph('gate') };
    await leave(bench, payload);
    const next = bench.another().attempt(payload, { attempt: 2 });
    bench.double.release('gate');
    expect((await next.result).result).toMatchObject({ reattached: true });
    expect(bench.double.submissionsOf()).toBe(1);
  });

  test('a job of the same id with another payload is another job', async () => {
    const bench = await comfyBench();
    await bench.attempt({ workflow: graphWith() }).result;
    const other = {
      ...graphWith(),
      '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 2, color: 1 } },
    };
    const { result, artifacts } = await bench.attempt({ workflow: other }).result;
    expect(artifacts).toHaveLength(2);
    expect(result).toMatchObject({ reattached: false, submissions: 1 });
  });

  test('an answer that was lost is looked for, not asked for again', async () => {
    const bench = await comfyBench();
    bench.double.fail({ route: 'POST /prompt', kind: 'reset_after' });
    const { result } = await bench.attempt({ workflow: graphWith() }).result;
    expect(result).toMatchObject({ submissions: 1 });
    expect(bench.double.submissionsOf()).toBe(1);
  });

  test('a submission that never arrived fails as unavailable, and the next attempt submits', async () => {
    const bench = await comfyBench();
    bench.double.fail({ route: 'POST /prompt', kind: 'reset' });
    const first = bench.attempt({ workflow: graphWith() });
    await expect(first.result).rejects.toMatchObject({ code: 'service_unavailable' });
    const { serviceJobId } = first.context.tracked[0]!;
    const { result } = await bench.attempt({ workflow: graphWith() }, { attempt: 2, serviceJobId }).result;
    expect(result).toMatchObject({
      reattached: false,
      submissions: 1,
      notes: [expect.stringMatching(/submitted again/)],
    });
    expect(bench.double.submissionsOf()).toBe(1);
  });

  test('a socket that drops comes back, and progress with it', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    const { result, progress } = bench.attempt({ workflow: heldGraph('gate') });
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    double.sockets.drop();
    await eventually(() => expect(double.sockets.opened).toBe(2));
    const told = progress.length;
    await eventually(() => expect(progress.length).toBeGreaterThan(told + 5));
    double.release('gate');
    expect((await result).artifacts).toHaveLength(1);
  });

  test('without any socket the queue tells the end', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    double.refuseSockets = true;
    const { result, progress } = bench.attempt({ workflow: heldGraph('gate') });
    await eventually(() => expect(progress.at(-1)?.message).toBe('running in ComfyUI'));
    double.release('gate');
    expect((await result).artifacts).toHaveLength(1);
    expect(double.sockets.opened).toBe(0);
  });

  test('a socket that stays open and says nothing is not believed', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    double.sockets.muted = true;
    const { result } = bench.attempt({ workflow: graphWith() });
    expect((await result).artifacts).toHaveLength(1);
  });

  test('a history that lags behind its message is waited for', async () => {
    const bench = await comfyBench({ poll_seconds: 30 });
    bench.double.worker.historyLag = 150;
    expect((await bench.attempt({ workflow: graphWith() }).result).artifacts).toHaveLength(1);
  });

  test('a history wiped before it was read: the socket has told the outputs', async () => {
    const bench = await comfyBench({ poll_seconds: 30 });
    const { double } = bench;
    const { result } = bench.attempt({ workflow: heldGraph('gate') });
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    double.worker.history.set = () => double.worker.history;
    double.release('gate');
    expect((await result).artifacts).toHaveLength(1);
  });

  test('a restart that loses the prompt: submitted again, and said so', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    const { result, progress } = bench.attempt({ workflow: heldGraph('gate') });
    await eventually(() => expect(progress.at(-1)?.message).toMatch(/Hold/));
    const before = progress.at(-1)!.progress;
    await double.crash();
    await eventually(() => expect(double.sockets.count).toBe(0));
    await double.revive();
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    double.release('gate');
    const { artifacts, result: facts } = await result;
    expect(artifacts).toHaveLength(1);
    expect(facts).toMatchObject({
      submissions: 2,
      notes: ['ComfyUI was restarted and lost the prompt: submitted again'],
    });
    const values = progress.map((update) => update.progress);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(Math.min(...values.slice(-3))).toBeGreaterThanOrEqual(before);
  });

  test('a restart while no worker was there: the next one submits again, and says so', async () => {
    const bench = await comfyBench();
    const payload = { workflow: heldGraph('gate') };
    const serviceJobId = await leave(bench, payload);
    await bench.double.restart();
    const next = bench.another().attempt(payload, { attempt: 2, serviceJobId });
    await eventually(() => expect(bench.double.isHolding('gate')).toBe(true));
    bench.double.release('gate');
    expect((await next.result).result).toMatchObject({
      reattached: false,
      submissions: 1,
      notes: [expect.stringMatching(/does not know the prompt of the last attempt/)],
    });
    expect(bench.double.submissionsOf()).toBe(2);
  });

  test('a server that stays away is given up, and the job goes on later', async () => {
    const bench = await comfyBench({ outage_seconds: 0.3 });
    const payload = { workflow: heldGraph('gate') };
    const first = bench.attempt(payload);
    await eventually(() => expect(bench.double.isHolding('gate')).toBe(true));
    await bench.double.crash();
    await expect(first.result).rejects.toMatchObject({
      code: 'service_unavailable',
      message: expect.stringMatching(/has given no usable answer for/),
    });
    await bench.double.revive();
  });

  test('answers that are broken or slow for a while do no harm', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    const { result } = bench.attempt({ workflow: heldGraph('gate') });
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    double.fail({ route: 'GET /queue', kind: 'garbage' });
    double.fail({ route: 'GET /queue', kind: 'answer', status: 502, body: '<html><title>Bad gateway</title></html>' });
    double.fail({ route: 'GET /queue', kind: 'slow', ms: 200 });
    const asked = double.ledger.requests.length;
    await eventually(() => expect(double.ledger.requests.length).toBeGreaterThan(asked + 10));
    double.release('gate');
    expect((await result).artifacts).toHaveLength(1);
  });
});

/** Leaves a prompt running: its worker is shut down. @returns the prompt's id */
async function leave(bench: ComfyBench, payload: Record<string, unknown>): Promise<string> {
  const first = bench.attempt(payload);
  await eventually(() => expect(bench.double.isHolding('gate')).toBe(true));
  first.context.abort(workerShutdown());
  await first.result.catch(() => {});
  return first.context.tracked[0]!.serviceJobId;
}
