import { describe, expect, test } from '@jest/globals';
import { eventually } from '../harness.ts';
import { cancelled, comfyBench, graphWith, heldGraph, workerShutdown } from './comfy-bench.ts';

describe('cancelling on ComfyUI', () => {
  test('a prompt that waits leaves the queue, and what runs stays', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    const other = bench.another().attempt({ workflow: heldGraph('other') }, { jobId: 'other' });
    await eventually(() => expect(double.isHolding('other')).toBe(true));
    const { result, context, progress } = bench.attempt({ workflow: graphWith() });
    await eventually(() => expect(progress.at(-1)?.message).toMatch(/1 ahead/));
    context.abort(cancelled());
    await expect(result).rejects.toMatchObject({ message: 'CANCELLED' });
    expect(double.worker.pending).toEqual([]);
    expect(double.ledger.deletes).toContain(context.tracked[0]?.serviceJobId);
    expect(double.ledger.interrupts).toEqual([]);
    double.release('other');
    expect((await other.result).artifacts).toHaveLength(1);
  });

  test('a prompt that runs is interrupted, by its id', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    const { result, context } = bench.attempt({ workflow: heldGraph('own') });
    await eventually(() => expect(double.isHolding('own')).toBe(true));
    const other = bench.another().attempt({ workflow: graphWith() }, { jobId: 'other' });
    await eventually(() => expect(double.worker.pending).toHaveLength(1));
    context.abort(cancelled());
    await expect(result).rejects.toMatchObject({ message: 'CANCELLED' });
    const { serviceJobId } = context.tracked[0]!;
    expect(await bench.connector.queryJobStatus(serviceJobId)).toMatchObject({ status: 'cancelled', canCancel: false });
    expect(double.ledger.interrupts.every(({ promptId }) => promptId === serviceJobId)).toBe(true);
    expect((await other.result).artifacts).toHaveLength(1);
  });

  test('an interrupt that is lost is sent again', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    double.worker.loseInterrupts = 2;
    const { result, context } = bench.attempt({ workflow: heldGraph('gate') });
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    context.abort(cancelled());
    await expect(result).rejects.toMatchObject({ message: 'CANCELLED' });
    expect(double.worker.running).toEqual([]);
    expect(double.ledger.interrupts.length).toBeGreaterThanOrEqual(3);
  });

  test('a node in one long call is waited for no longer than set, and stopped at its end', async () => {
    const bench = await comfyBench({ cancel_seconds: 0.3 });
    const { double } = bench;
    const { result, context } = bench.attempt({ workflow: heldGraph('gate', 'Stuck') });
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    context.abort(cancelled());
    await expect(result).rejects.toMatchObject({ message: 'CANCELLED' });
    expect(double.worker.running).toHaveLength(1);
    double.release('gate');
    await eventually(() => expect(double.worker.running).toEqual([]));
    expect((await bench.connector.queryJobStatus(context.tracked[0]!.serviceJobId)).status).toBe('cancelled');
  });

  test('a submission on its way is waited for, then taken back', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    const other = bench.another().attempt({ workflow: heldGraph('other') }, { jobId: 'other' });
    await eventually(() => expect(double.isHolding('other')).toBe(true));
    double.fail({ route: 'POST /prompt', kind: 'slow', ms: 300 });
    const { result, context } = bench.attempt({ workflow: graphWith() });
    await eventually(() => expect(double.ledger.requests.filter((each) => each === 'POST /prompt')).toHaveLength(2));
    context.abort(cancelled());
    await expect(result).rejects.toMatchObject({ message: 'CANCELLED' });
    expect(double.submissionsOf(context.tracked[0]?.serviceJobId)).toBe(1);
    expect(double.worker.pending).toEqual([]);
    double.release('other');
    await other.result;
  });

  test('while outputs are fetched: nothing more is fetched, nobody is interrupted', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    double.fail({ route: 'GET /view', kind: 'hang' });
    const { result, context } = bench.attempt({ workflow: graphWith() });
    await eventually(() => expect(double.ledger.requests).toContain('GET /view'));
    const other = bench.another().attempt({ workflow: heldGraph('other') }, { jobId: 'other' });
    await eventually(() => expect(double.isHolding('other')).toBe(true));
    context.abort(cancelled());
    await expect(result).rejects.toMatchObject({ message: 'CANCELLED' });
    expect(double.ledger.interrupts).toEqual([]);
    double.release('other');
    await other.result;
  });

  test('cancelJob does the same, from outside', async () => {
    const bench = await comfyBench();
    const { double, connector } = bench;
    const { result } = bench.attempt({ workflow: heldGraph('gate') }, { jobId: 'mine' });
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    await connector.cancelJob('mine');
    await expect(result).rejects.toMatchObject({ code: 'cancelled' });
    expect(double.worker.running).toEqual([]);
  });

  test('a worker that leaves lets the prompt run', async () => {
    const bench = await comfyBench();
    const { double } = bench;
    const { result, context } = bench.attempt({ workflow: heldGraph('gate') });
    await eventually(() => expect(double.isHolding('gate')).toBe(true));
    context.abort(workerShutdown());
    await expect(result).rejects.toMatchObject({ message: 'WORKER_SHUTDOWN' });
    expect(double.worker.running).toHaveLength(1);
    expect(double.ledger.interrupts).toEqual([]);
    double.release('gate');
    await eventually(() => expect(double.worker.running).toEqual([]));
  });
});
