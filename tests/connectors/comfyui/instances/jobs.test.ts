import { afterEach, describe, expect, test } from '@jest/globals';
import { ComfyUIInstancesConnector } from '../../../../connectors/comfyui/connector.ts';
import type { InstanceManager } from '../../../../connectors/comfyui/instances/instance-manager.ts';
import { instanceName } from '../../../../connectors/base/server-address.ts';
import type { ConnectorConfig, JobData, JobResult } from '../../../../connectors/contract/connector.ts';
import type { ComfyDouble } from '../../../doubles/comfyui/comfy-double.ts';
import { temporaryFolder } from '../../../harness/temporary-folder.ts';
import { waitUntil } from '../../../harness/wait-until.ts';
import { contextFor, jobOf, type TestContext, type TestContextOptions } from '../../harness.ts';
import { graphWith, heldGraph, QUICK, workerShutdown } from '../comfy-bench.ts';
import { comfy, loadedManager } from './bench.ts';

const open: { connectors: ComfyUIInstancesConnector[]; contexts: TestContext[] } = { connectors: [], contexts: [] };

afterEach(async () => {
  for (const connector of open.connectors.splice(0)) await connector.cleanup();
  for (const context of open.contexts.splice(0)) await context.remove();
});

/** Several ComfyUI that run by themselves, a manager that has them all running, and a connector that gives them jobs. */
async function fleet(count: number, limits: Record<string, number> = {}, config: Partial<ConnectorConfig> = {}) {
  const doubles: ComfyDouble[] = [];
  const folder = temporaryFolder();
  // Looks that often would keep a dozen of them busy with nothing else.
  const timing = count > 4 ? {} : { resourcesMs: 200, healthMs: 200 };
  const manager = await loadedManager(folder, { timing });
  for (let number = 1; number <= count; number++) {
    const double = await comfy();
    doubles.push(double);
    const { id } = await manager.createInstance({
      id: `i${number}`,
      name: `Instance ${number}`,
      url: double.url,
      ...limits,
    });
    await manager.startInstance(id);
  }
  return { folder, doubles, manager, ...connectorFor(manager, config) };
}

function connectorFor(manager: InstanceManager, config: Partial<ConnectorConfig> = {}) {
  const connector = new ComfyUIInstancesConnector('instances', { ...QUICK, outage_seconds: 2, ...config }, manager);
  open.connectors.push(connector);
  const submit = (
    id: string,
    graph: unknown,
    options: TestContextOptions & { metadata?: JobData['metadata'] } = {},
  ): { result: Promise<JobResult>; context: TestContext } => {
    const context = contextFor({ ...options, jobId: id });
    open.contexts.push(context);
    const job = jobOf({ workflow: graph }, { id, type: 'comfyui', metadata: options.metadata });
    const result = connector.processJob(job, () => {}, context);
    result.catch(() => {});
    return { result, context };
  };
  return { connector, submit };
}

const steps = (ms: number) =>
  graphWith({ '5': { class_type: 'Steps', inputs: { image: ['1', 0], steps: 2, ms, previews: false } } });

describe('jobs over instances', () => {
  test('twelve instances share the load within 20 % of even', async () => {
    const { doubles, submit, manager } = await fleet(12);
    const jobs = Array.from({ length: 96 }, (_, index) => submit(`job${index}`, steps(20)).result);
    const results = await Promise.all(jobs);
    expect(results.every(({ status }) => status === 'completed')).toBe(true);
    const counts = doubles.map((double) => double.submissionsOf());
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(96);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(7);
    expect(Math.max(...counts)).toBeLessThanOrEqual(9);
    const total = manager.listInstances().reduce((sum, { stats }) => sum + stats.successfulWorkflows, 0);
    expect(total).toBe(96);
  }, 120_000);

  test('a limit of an instance holds, and who waits goes where there is room first', async () => {
    const { doubles, submit, manager } = await fleet(2, { maxConcurrentWorkflows: 2 });
    const held = [1, 2, 3, 4].map((n) => submit(`held${n}`, heldGraph('gate')));
    await waitUntil(() => doubles.every((double) => double.submissionsOf() === 2));
    const fifth = submit('fifth', graphWith());
    await waitUntil(() =>
      manager.getInstancesByLoad().every(({ health }) => health.systemStats?.activeWorkflows === 2),
    );
    expect(doubles.map((double) => double.submissionsOf())).toEqual([2, 2]);
    for (const double of doubles) double.worker.openGates();
    await Promise.all([...held, fifth].map(({ result }) => result));
  });

  test("other people's prompts count as load", async () => {
    const { doubles, submit, manager } = await fleet(2);
    const [first] = doubles as [ComfyDouble, ComfyDouble];
    await fetch(`${first.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: heldGraph('theirs') }) });
    await waitUntil(() => manager.getInstance('i1')?.health.systemStats?.activeWorkflows === 1);
    const { result } = submit('ours', graphWith());
    expect((await result).service_info).toMatchObject({ instance_id: 'i2' });
    first.worker.openGates();
  });

  test('a job goes to the instance that its metadata names; a name that is none is refused', async () => {
    const { submit, manager } = await fleet(3);
    const to = (name: string) => ({ metadata: { comfyui_instance: name } });
    for (const n of [1, 2])
      expect((await submit(`j${n}`, graphWith(), to('i3')).result).result).toMatchObject({ instance_id: 'i3' });
    await manager.setActiveInstance('i2');
    expect((await submit('a', graphWith(), to('active')).result).result).toMatchObject({ instance_id: 'i2' });
    await expect(submit('n', graphWith(), to('nobody')).result).rejects.toMatchObject({
      code: 'validation',
      message: expect.stringContaining('there are i1, i2, i3'),
    });
    await manager.stopInstance('i3');
    await expect(submit('s', graphWith(), to('i3')).result).rejects.toMatchObject({
      code: 'service_unavailable',
      message: expect.stringContaining('it is stopped'),
    });
  });

  test('without an instance that takes jobs they fail for now, and say why', async () => {
    const { submit, manager } = await fleet(1);
    await manager.pauseInstance('i1');
    await expect(submit('p', graphWith()).result).rejects.toMatchObject({
      code: 'service_unavailable',
      message: expect.stringContaining('i1 is paused'),
      retry_after_ms: expect.any(Number),
    });
  });

  test('when an instance is stopped its jobs move, and what they left behind is taken out', async () => {
    const { doubles, submit, manager } = await fleet(2);
    const [one, two] = doubles as [ComfyDouble, ComfyDouble];
    const { result } = submit('mover', heldGraph('gate'), { metadata: {} });
    await waitUntil(() => doubles.some((double) => double.isHolding('gate')));
    const from = one.isHolding('gate') ? 1 : 2;
    const [left, next] = from === 1 ? [one, two] : [two, one];
    await manager.stopInstance(`i${from}`);
    await waitUntil(() => next.isHolding('gate'));
    await waitUntil(() => !left.isHolding('gate'));
    next.release('gate');
    expect(await result).toMatchObject({ status: 'completed', service_info: { instance_id: `i${3 - from}` } });
    expect([one.submissionsOf(), two.submissionsOf()]).toEqual([1, 1]);
  });

  test('when an instance that runs by itself dies its jobs move after the outage', async () => {
    const { doubles, submit, manager } = await fleet(2, {}, { outage_seconds: 1 });
    const { result } = submit('mover', heldGraph('gate'));
    await waitUntil(() => doubles.some((double) => double.isHolding('gate')));
    const from = doubles[0]!.isHolding('gate') ? 0 : 1;
    const next = doubles[1 - from]!;
    await doubles[from]!.crash();
    await waitUntil(() => next.isHolding('gate'));
    next.release('gate');
    expect((await result).service_info).toMatchObject({ instance_id: `i${2 - from}` });
    await waitUntil(() => manager.getInstance(`i${from + 1}`)?.health.status === 'unhealthy');
    const alerts = manager.describe(`i${from + 1}`).alerts.map(({ kind }) => kind);
    expect(alerts).toContain('unhealthy');
    await doubles[from]!.revive();
    await waitUntil(() => manager.getInstance(`i${from + 1}`)?.health.status === 'healthy');
    expect(manager.describe(`i${from + 1}`).alerts.every(({ endedAt }) => endedAt !== undefined)).toBe(true);
  });

  test('the next attempt goes back to the same instance, also to a paused one, and submits nothing twice', async () => {
    const { doubles, submit, manager } = await fleet(3);
    const first = submit('again', heldGraph('gate'));
    await waitUntil(() => doubles.some((double) => double.isHolding('gate')));
    const at = doubles.findIndex((double) => double.isHolding('gate'));
    first.context.abort(workerShutdown());
    await expect(first.result).rejects.toThrow('WORKER_SHUTDOWN');
    const tracked = first.context.tracked.at(-1)!;
    expect(tracked.instance).toBe(instanceName(doubles[at]!.url));
    await manager.pauseInstance(`i${at + 1}`);
    const second = submit('again', heldGraph('gate'), {
      attempt: 2,
      serviceJobId: tracked.serviceJobId,
      serviceInstance: tracked.instance!,
    });
    await waitUntil(() => manager.getInstance(`i${at + 1}`)?.status === 'paused');
    doubles[at]!.release('gate');
    expect((await second.result).result).toMatchObject({ instance_id: `i${at + 1}`, reattached: true });
    expect(doubles.map((double) => double.submissionsOf()).reduce((sum, count) => sum + count, 0)).toBe(1);
  });

  test('a cancelled job is taken out of its instance', async () => {
    const { doubles, submit, connector } = await fleet(2);
    const { result } = submit('cancelled', heldGraph('gate'));
    await waitUntil(() => doubles.some((double) => double.isHolding('gate')));
    await connector.cancelJob('cancelled');
    await expect(result).rejects.toMatchObject({ code: 'cancelled' });
    await waitUntil(() => doubles.every((double) => double.worker.running.length === 0));
  });

  test('a workflow over its time is ended, on the instance too', async () => {
    const { doubles, submit, manager } = await fleet(1, { timeoutMs: 1_000 });
    await expect(submit('slow', heldGraph('gate')).result).rejects.toMatchObject({ code: 'timeout' });
    await waitUntil(() => doubles[0]!.worker.running.length === 0);
    expect(manager.getInstanceStats('i1').failedWorkflows).toBe(1);
  });

  test('a worker that only reads along does what the owner of the instances says', async () => {
    const { manager, folder } = await fleet(2);
    await manager.saveInstances();
    const follower = await loadedManager(folder, {
      role: 'follower',
      timing: { followMs: 20, saveMs: 20, resourcesMs: 200 },
    });
    const { submit } = connectorFor(follower);
    expect(await submit('one', graphWith()).result).toMatchObject({ status: 'completed' });
    await manager.pauseInstance('i1');
    await manager.saveInstances();
    await waitUntil(() => follower.getInstance('i1')?.status === 'paused');
    for (const n of [1, 2, 3])
      expect((await submit(`two${n}`, graphWith()).result).result).toMatchObject({ instance_id: 'i2' });
    await waitUntil(async () => {
      await manager.saveInstances();
      const total = manager.listInstances().reduce((sum, { stats }) => sum + stats.totalWorkflows, 0);
      return total === 4;
    });
  });
});
