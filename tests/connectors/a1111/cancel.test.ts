import { expect, test } from '@jest/globals';
import { RAISES } from '../../doubles/a1111/python-error.ts';
import { cancelled, pngDataUrl, shutdown } from '../base/hosted/hosted-bench.ts';
import { A1111Bench, SMALL } from './a1111-bench.ts';

const bench = new A1111Bench();
const CANCELLED = { message: 'CANCELLED' };

test('a cancel interrupts the task while it runs', async () => {
  bench.state.stages.hold('running');
  const { outcome, context } = bench.attempt({ ...SMALL, steps: 50 });
  await bench.until(() => expect(bench.state.stages.heldAt('running')).toEqual(['marker-own']));
  context.abort(cancelled());
  await expect(outcome).rejects.toMatchObject(CANCELLED);
  expect(bench.double.ui.interrupts).toEqual([context.tracked[0]!.serviceJobId]);
  expect(bench.state.ledger.stopped).toEqual(['marker-own']);
});

test('a task that waits behind somebody else is stopped when it comes up, the other one is left alone', async () => {
  bench.state.stages.hold('running');
  const foreign = bench.foreign();
  await bench.until(() => expect(bench.state.stages.heldAt('running')).toEqual(['marker-foreign']));
  const { outcome, context, reports } = bench.attempt({ ...SMALL, steps: 50 });
  await bench.until(() => expect(reports.at(-1)!.message).toMatch(/waiting at the server \(In queue: 1\/1\)/));
  context.abort(cancelled());
  await bench.until(() => expect(bench.double.ui.pending.size).toBe(1));
  expect(bench.double.ui.interrupts).toEqual([]);
  bench.state.stages.release('marker-foreign');
  await expect(outcome).rejects.toMatchObject(CANCELLED);
  expect((await foreign)['images']).toHaveLength(1);
  expect(bench.state.ledger.stopped).toEqual(['marker-own']);
});

test('a job that waits for the instance is cancelled without a word to the server', async () => {
  bench.state.stages.hold('running');
  const connector = bench.ready();
  const first = bench.start(connector, SMALL, { jobId: 'first' });
  await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
  const second = bench.start(connector, SMALL, { jobId: 'second' });
  await bench.until(() => expect(second.reports.at(-1)!.message).toBe('waiting for the instance'));
  second.context.abort(cancelled());
  await expect(second.outcome).rejects.toMatchObject(CANCELLED);
  expect(bench.state.ledger.arrivals).toHaveLength(1);
  bench.state.stages.release();
  expect((await first.outcome).status).toBe('completed');
  expect(bench.double.ui.interrupts).toEqual([]);
});

test('extras are never interrupted: whose they are cannot be told', async () => {
  bench.state.stages.hold('running');
  const { outcome, context } = bench.attempt({ mode: 'extras', image: await pngDataUrl(), upscaler_1: 'Lanczos' });
  await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
  context.abort(cancelled());
  await expect(outcome).rejects.toMatchObject(CANCELLED);
  expect(bench.double.ui.interrupts).toEqual([]);
});

test('a task that failed is called active on and on; what runs after it is left alone', async () => {
  const connector = bench.ready();
  bench.double.raises.push(RAISES.attribute());
  const failed = bench.start(connector, SMALL);
  await expect(failed.outcome).rejects.toMatchObject({ code: 'backend_error' });
  const [tracked] = failed.context.tracked;
  expect(bench.double.ui.currentTask).toBe(tracked!.serviceJobId);
  expect(await connector.queryJobStatus(tracked!.serviceJobId)).toMatchObject({ status: 'failed', canCancel: false });
  const next = bench.attempt(SMALL, bench.inherited(failed.context));
  expect((await next.outcome).result).not.toHaveProperty('notes');
  expect(bench.double.ui.interrupts).toEqual([]);
});

test('without the page (--nowebui) the current task is known all the same', async () => {
  bench.double.withoutPage = true;
  bench.state.stages.hold('running');
  const { outcome, context } = bench.attempt({ ...SMALL, steps: 50 });
  await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
  context.abort(cancelled());
  await expect(outcome).rejects.toMatchObject(CANCELLED);
  expect(bench.double.ui.interrupts).toEqual([context.tracked[0]!.serviceJobId]);
});

test('a worker that leaves interrupts nothing', async () => {
  bench.state.stages.hold('running');
  const { outcome, context } = bench.attempt(SMALL);
  await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
  context.abort(shutdown());
  await expect(outcome).rejects.toMatchObject({ message: 'WORKER_SHUTDOWN' });
  expect(bench.double.ui.interrupts).toEqual([]);
});
