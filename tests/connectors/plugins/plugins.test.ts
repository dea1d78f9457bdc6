import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { WorkflowFailedError } from '@temporalio/client';
import { ConnectorError } from '../../../connectors/contract/connector-error.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { untilAborted } from '../../harness/scripted-connector.ts';
import { waitUntil } from '../../harness/wait-until.ts';
import { PluginBench, pluginSource } from './plugin-bench.ts';

let bench: PluginBench;
beforeAll(async () => {
  bench = await PluginBench.start();
});
afterAll(() => bench.stack.stop());
beforeEach(() => bench.reset());

/** What plugins of these tests note, by way of the process they run in. */
const calls = (): string[] => ((globalThis as { pluginCalls?: string[] }).pluginCalls ??= []);
beforeEach(() => void calls().splice(0));

const NOTES = pluginSource(`
  async beforeJobProcess(job) {
    globalThis.pluginCalls.push('before ' + this.options.mark);
    return { ...job, id: 'another', payload: { ...job.payload, text: (job.payload.text ?? '') + this.options.mark } };
  }
  async afterJobProcess(result, end) {
    globalThis.pluginCalls.push('after ' + this.options.mark + ' ' + end.outcome + (end.code ? ' ' + end.code : ''));
    if (result.status !== 'completed') return result;
    return { ...result, job_id: 'another', result: { ...result.result, marks: (result.result.marks ?? '') + this.options.mark } };
  }`);
const THROWS = pluginSource(`
  async beforeJobProcess(job) { if (this.options.in === 'before') { job.payload.text = 'half done'; throw new Error('boom'); } return job; }
  async afterJobProcess(result) { if (this.options.in === 'after') throw new Error('boom'); return result; }`);
const HANGS = pluginSource(`
  async beforeJobProcess(job) { if (this.options.in === 'before') await new Promise(() => {}); return job; }
  async afterJobProcess(result) { if (this.options.in === 'after') await new Promise(() => {}); return result; }`);
const REFUSES = pluginSource(`
  async beforeJobProcess(job) {
    const errors = [{ pointer: '/payload/text', detail: 'is not wanted' }];
    throw Object.assign(new Error('not with us'), { name: 'ConnectorError', code: this.options.code, errors });
  }`);
const notes = (mark: string, more: object = {}) => ({ plugin: 'notes', name: mark, options: { mark }, ...more });

describe('plugins around a job', () => {
  test('change payload and result in the order of the configuration; whose job it is stays', async () => {
    const plugins = [
      notes('a'),
      notes('b', { services: ['scr*'] }),
      notes('c', { services: ['openai-text'] }),
      notes('d', { connectors: ['ScriptedConnector'] }),
      notes('e', { enabled: false }),
    ];
    await bench.use(temporaryFolder(), plugins, { notes: NOTES });
    const { id, outcome } = await bench.run({ text: '-' });
    expect(outcome?.result).toEqual({ said: '-abd', marks: 'abd' });
    expect(calls()).toEqual([
      'before a',
      'before b',
      'before d',
      ...['a', 'b', 'd'].map((m) => `after ${m} completed`),
    ]);
    expect(bench.stack.connector.begun).toEqual([id]);
  });

  test('hear of every end of an attempt once, also when the next one goes on with the service job', async () => {
    await bench.use(temporaryFolder(), [notes('a')], { notes: NOTES });
    const seen: (string | undefined)[] = [];
    bench.stack.connector.script = async (_job, _progress, context) => {
      seen.push(context.serviceJobId);
      if (context.attempt === 1) {
        await context.trackServiceJob('remote-1');
        throw new ConnectorError('service_unavailable', 'gone for a moment');
      }
      return {};
    };
    const { outcome } = await bench.run();
    expect(outcome).toMatchObject({ attempts: 2, service_job_id: 'remote-1' });
    expect(seen).toEqual([undefined, 'remote-1']);
    expect(calls()).toEqual(['before a', 'after a failed service_unavailable', 'before a', 'after a completed']);
  });

  test('hear that a job was cancelled', async () => {
    await bench.use(temporaryFolder(), [notes('a')], { notes: NOTES });
    bench.stack.connector.script = (_job, _progress, context) => untilAborted(context.signal);
    const { id, handle } = await bench.start({});
    await waitUntil(() => bench.stack.connector.begun.includes(id));
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect(calls()).toEqual(['before a', 'after a interrupted']);
  });

  test.each(['content_policy', 'validation'])('refuse it with %s: not tried again, not even begun', async (code) => {
    const plugins = [notes('a'), { plugin: 'refuses', options: { code }, on_failure: 'warn' }, notes('z')];
    await bench.use(temporaryFolder(), plugins, { notes: NOTES, refuses: REFUSES });
    const { error } = await bench.run({ text: 'x' });
    expect(error).toEqual({
      code,
      message: 'not with us (plugin "refuses")',
      retryable: false,
      errors: [{ pointer: '/payload/text', detail: 'is not wanted' }],
    });
    expect(bench.stack.connector.begun).toEqual([]);
    expect(calls()).toEqual(['before a', `after a failed ${code}`]);
  });
});

describe('a plugin that fails', () => {
  test('before the job fails it by name, and is tried again with it', async () => {
    await bench.use(temporaryFolder(), [{ plugin: 'throws', options: { in: 'before' } }], { throws: THROWS });
    const { error } = await bench.run();
    expect(error).toMatchObject({
      code: 'internal',
      message: 'The plugin "throws" failed in beforeJobProcess: boom (attempt 3 of 3)',
    });
    expect(bench.stack.connector.begun).toEqual([]);
  });

  test('after the job fails it by name, and the work is not done twice', async () => {
    const plugins = [notes('a'), { plugin: 'throws', name: 'stamp', options: { in: 'after' } }, notes('z')];
    await bench.use(temporaryFolder(), plugins, { throws: THROWS, notes: NOTES });
    const { id, error } = await bench.run();
    expect(error).toMatchObject({ code: 'internal', message: 'The plugin "stamp" failed in afterJobProcess: boom' });
    expect(bench.stack.connector.begun).toEqual([id]);
    expect(calls().slice(2)).toEqual(['after a completed', 'after z failed internal']);
  });

  test.each(['before', 'after'])('%s the job only warns where the configuration says so', async (where) => {
    const plugins = [{ plugin: 'throws', options: { in: where }, on_failure: 'warn' }, notes('z')];
    await bench.use(temporaryFolder(), plugins, { throws: THROWS, notes: NOTES });
    const { outcome } = await bench.run({ text: 'whole' });
    expect(outcome?.result).toMatchObject({ said: 'wholez', marks: 'z' });
    expect(bench.log).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        plugin: 'throws',
        code: 'internal',
        msg: 'a plugin failed; the job goes on without it',
        err: expect.objectContaining({ message: expect.stringContaining('"throws"') }),
      }),
    );
  });

  test.each([
    ['before', 0],
    ['after', 1],
  ])('to end %s the job is given up at its time limit, by name', async (where, begun) => {
    const plugin = { plugin: 'hangs', options: { in: where }, timeout: '30ms' };
    await bench.use(temporaryFolder(), [plugin], { hangs: HANGS });
    const { error } = await bench.run();
    expect(error?.code).toBe('timeout');
    expect(error?.message).toContain(`The plugin "hangs" did not end its ${where}JobProcess within 30ms`);
    expect(bench.stack.connector.begun).toHaveLength(begun);
  });

  test('to end does not hold up a cancel', async () => {
    const plugin = { plugin: 'hangs', options: { in: 'before' }, timeout: '10m' };
    await bench.use(temporaryFolder(), [plugin], { hangs: HANGS });
    const { handle } = await bench.start({});
    await waitUntil(async () => (await handle.describe()).raw.pendingActivities?.[0]?.state === 2);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  });

  test.each([
    ['async beforeJobProcess() {}', 'gave back no job from beforeJobProcess'],
    ['async afterJobProcess() {}', 'gave back no completed result from afterJobProcess'],
    ['beforeJobProcess() { throw new Error("at once"); }', 'failed in beforeJobProcess: at once'],
    ['constructor() { throw new Error("no way"); }', 'failed in initialize: no way'],
    ['async initialize() { await new Promise(() => {}); }', 'did not end its initialize within 30ms'],
    ['async beforeJobProcess() { throw undefined; }', 'failed in beforeJobProcess: undefined'],
  ])('by %s is named, too', async (body, message) => {
    const source = `export default class OddPlugin { name = 'odd'; version = '1'; async initialize() {} ${body} }`;
    await bench.use(temporaryFolder(), [{ plugin: 'odd', timeout: '30ms' }], { odd: source });
    const { error } = await bench.run();
    expect(error?.message).toContain(`The plugin "odd" ${message}`);
  });
});
