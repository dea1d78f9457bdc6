import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { A1111LocalConnector } from '../../../connectors/a1111/connector.ts';
import { pngDataUrl, shutdown } from '../base/hosted/hosted-bench.ts';
import { A1111Bench, SMALL } from './a1111-bench.ts';

const bench = new A1111Bench();

/** An attempt whose worker leaves while the server is at it. */
async function abandoned(config = {}) {
  bench.state.stages.hold('running');
  const { outcome, context } = bench.attempt({ ...SMALL, steps: 20 }, {}, config);
  await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
  context.abort(shutdown());
  await expect(outcome).rejects.toMatchObject({ message: 'WORKER_SHUTDOWN' });
  return bench.inherited(context);
}

const taken = () => bench.state.ledger.taken.filter(({ marker }) => marker === 'marker-own');

describe('the server keeps nothing', () => {
  test('a run that goes on is stopped, and submitted again, which the result says', async () => {
    const inherited = await abandoned();
    const next = bench.attempt({ ...SMALL, steps: 20 }, inherited);
    await bench.until(() => expect(bench.double.ui.interrupts).toEqual([inherited.serviceJobId]));
    bench.state.stages.release();
    const { result } = await next.outcome;
    expect(result).toMatchObject({
      reattached: false,
      submissions: 1,
      notes: [expect.stringMatching(/lost its connection.*stopped, and submitted again/)],
    });
    expect(taken()).toHaveLength(2);
    expect(next.context.tracked[0]!.serviceJobId).not.toBe(inherited.serviceJobId);
  });

  test('a run that has finished meanwhile: submitted again', async () => {
    const inherited = await abandoned();
    bench.state.stages.release();
    await bench.until(() => expect(bench.double.ui.finished).toContain(inherited.serviceJobId));
    const { result } = await bench.attempt(SMALL, inherited).outcome;
    expect(result).toMatchObject({ notes: [expect.stringMatching(/had finished.*answer was lost.*submitted again/)] });
    expect(bench.double.ui.interrupts).toEqual([]);
  });

  test('a run that the server does not know: submitted again', async () => {
    const { result } = await bench.attempt(SMALL, { attempt: 2, serviceJobId: 'task(switchyard-gone)' }).outcome;
    expect(result).toMatchObject({ notes: [expect.stringMatching(/does not know the run.*submitted again/)] });
  });

  test("somebody else's run is not stopped for it", async () => {
    bench.state.stages.hold('running');
    const foreign = bench.foreign();
    await bench.until(() => expect(bench.state.stages.heldAt('running')).toEqual(['marker-foreign']));
    const next = bench.attempt(SMALL, { attempt: 2, serviceJobId: 'task(switchyard-gone)' });
    await bench.until(() => expect(taken()).toHaveLength(1));
    bench.state.stages.release();
    await next.outcome;
    expect((await foreign)['images']).toHaveLength(1);
    expect(bench.double.ui.interrupts).toEqual([]);
  });

  test('an answer that is cut off: the attempt fails, the next one may try', async () => {
    bench.state.faults.order('work', { kind: 'reset' });
    const first = bench.attempt(SMALL);
    await expect(first.outcome).rejects.toMatchObject({ code: 'service_unavailable' });
    expect(first.context.checkpoints).toEqual([]);
    const { result } = await bench.attempt(SMALL, bench.inherited(first.context)).outcome;
    expect(result).toMatchObject({ notes: [expect.stringContaining('submitted again')] });
  });

  test('what the server has refused is no loss: nothing is said of it', async () => {
    const error = { error: 'RuntimeError', detail: '', body: '', errors: 'not now' };
    bench.state.faults.order('work', { kind: 'status', status: 500, body: JSON.stringify(error) });
    const first = bench.attempt(SMALL);
    await expect(first.outcome).rejects.toMatchObject({
      code: 'backend_error',
      message: expect.stringContaining('not now'),
    });
    const [tracked] = first.context.tracked;
    expect(first.context.checkpoints).toEqual([{ v: 1, ended: tracked!.serviceJobId }]);
    const { result } = await bench.attempt(SMALL, bench.inherited(first.context)).outcome;
    expect(result).not.toHaveProperty('notes');
  });

  test('extras that were lost are done again', async () => {
    const payload = { mode: 'extras', image: await pngDataUrl() };
    const { result } = await bench.attempt(payload, { attempt: 2, serviceJobId: 'extras(switchyard-x)' }).outcome;
    expect(result).toMatchObject({ notes: [expect.stringMatching(/extras keep nothing: done again/)] });
  });
});

describe('the server keeps files', () => {
  const FILES = { recover: 'files' };

  test('a run that goes on is watched to its end, and its pictures are fetched', async () => {
    const inherited = await abandoned(FILES);
    const next = bench.attempt({ ...SMALL, steps: 20 }, inherited, FILES);
    await bench.until(() => expect(next.reports.some(({ message }) => message?.startsWith('drawing'))).toBe(true));
    bench.state.stages.release();
    const { result, artifacts } = await next.outcome;
    expect(result).toMatchObject({ reattached: true, submissions: 0, task_id: inherited.serviceJobId });
    expect(artifacts).toMatchObject([{ mime: 'image/png' }]);
    expect(taken()).toHaveLength(1);
    expect(bench.sent).toMatchObject({
      save_images: true,
      override_settings_restore_afterwards: true,
      override_settings: { directories_filename_pattern: expect.stringMatching(/^switchyard-/), grid_save: false },
    });
  });

  test('a proxy that gives up after a while loses nothing', async () => {
    // The work goes on behind it.
    bench.state.faults.order('work', { kind: 'reset' });
    const { result, artifacts } = await bench.attempt({ ...SMALL, batch_size: 2, n_iter: 2 }, {}, FILES).outcome;
    expect(artifacts).toHaveLength(4);
    expect(result).toMatchObject({ submissions: 1, notes: [expect.stringMatching(/come from the server's files/)] });
    expect(taken()).toHaveLength(1);
  });

  test('an answer that never comes, though the server calls the task finished', async () => {
    bench.double.swallowed = 1;
    const { artifacts } = await bench.attempt(SMALL, {}, { ...FILES, answer_seconds: 0.3 }).outcome;
    expect(artifacts).toHaveLength(1);
    expect(taken()).toHaveLength(1);
  });

  test('files that are not there: submitted again', async () => {
    const inherited = await abandoned(FILES);
    bench.state.stages.release();
    await bench.until(() => expect(bench.double.ui.finished).toContain(inherited.serviceJobId));
    bench.double.disk.files.clear();
    const { result } = await bench.attempt(SMALL, inherited, FILES).outcome;
    expect(result).toMatchObject({ submissions: 1, notes: [expect.stringMatching(/has not kept its pictures/)] });
  });

  test('a job whose options shall stay in force is left as it is', async () => {
    await bench.attempt({ ...SMALL, override_settings_restore_afterwards: false }, {}, FILES).outcome;
    expect(bench.sent).not.toHaveProperty('save_images');
  });

  test('on this machine: read from the folder, and taken away again', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'switchyard-webui-'));
    bench.double.disk.folder = dir;
    const folderOf = (id: string) => join(dir, 'outputs', 'txt2img-images', id.slice('task('.length, -1));
    try {
      const connector = bench.ready({ dir }, A1111LocalConnector);
      const plain = bench.start(connector, SMALL);
      expect((await plain.outcome).artifacts).toHaveLength(1);
      expect(existsSync(folderOf(plain.context.tracked[0]!.serviceJobId))).toBe(false);

      const inherited = await abandoned({ dir });
      bench.state.stages.release();
      await bench.until(() => expect(bench.double.ui.finished).toContain(inherited.serviceJobId));
      expect(existsSync(folderOf(inherited.serviceJobId!))).toBe(true);
      // What the page shows is not asked for.
      bench.double.disk.files.clear();
      const { result, artifacts } = await bench.start(connector, { ...SMALL, steps: 20 }, inherited).outcome;
      expect(result).toMatchObject({ reattached: true, submissions: 0 });
      expect(artifacts).toHaveLength(1);
      expect(existsSync(folderOf(inherited.serviceJobId!))).toBe(false);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

test('a picture that somebody else has interrupted is not taken for finished', async () => {
  bench.state.stages.hold('running');
  const { outcome } = bench.attempt({ ...SMALL, n_iter: 3 });
  await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
  bench.double.ui.interrupt();
  await expect(outcome).rejects.toMatchObject({
    code: 'backend_error',
    message: expect.stringMatching(/1 of 3.*somebody else/),
  });
  bench.state.stages.hold('running');
  const single = bench.attempt(SMALL, { jobId: 'single' });
  await bench.until(() => expect(bench.state.stages.heldAt('running')).toHaveLength(1));
  bench.double.ui.interrupt();
  await expect(single.outcome).rejects.toMatchObject({ message: expect.stringMatching(/not finished.*somebody else/) });
});
