import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { runCommand, type Ran } from '../cli/run-command.ts';
import { projectRoot } from '../../platform/project-root.ts';

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  // eslint-disable-next-line typescript/no-explicit-any -- documents of Kubernetes have no types here
  spec: any;
}

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-keda-'));
  const mapping = JSON.parse(await readFile(join(projectRoot(), 'config', 'service-mapping.json'), 'utf8')) as object;
  await writeFile(join(folder, 'service-mapping.json'), JSON.stringify(mapping));
  const heavy = {
    driver: 'kubernetes',
    min_workers: 1,
    max_workers: 8,
    cost_per_hour: 2,
    budget_per_hour: 9,
    budget_per_day: 50,
  };
  const pools = {
    'fast-lane': {},
    standard: { scaling: { driver: 'local' } },
    heavy: {
      max_concurrent_jobs: 3,
      scaling: { ...heavy, idle_seconds: 120, cooldown_seconds: 9_000, drain_seconds: 600 },
    },
  };
  await writeFile(join(folder, 'pools.json'), JSON.stringify({ pools }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function generate(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const own = {
    SWITCHYARD_CONFIG_DIR: folder,
    SWITCHYARD_DATA_DIR: join(folder, 'data'),
    CONNECTORS: 'simulation,upscale',
  };
  return runCommand(['generate', 'keda', ...args], { cwd: folder, env: { ...own, ...env } });
}

function manifests({ stdout }: Ran): Manifest[] {
  return parseAllDocuments(stdout).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
}

describe('switchyard generate keda', () => {
  test('a ScaledObject for the pool, a trigger for each of its queues', async () => {
    const ran = await generate(['--temporal-address', 'temporal:7233', '--namespace', 'jobs']);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('KEDA knows no budget_per_day');
    const [object, ...others] = manifests(ran);
    expect(others).toEqual([]);
    expect(object).toMatchObject({
      apiVersion: 'keda.sh/v1alpha1',
      kind: 'ScaledObject',
      metadata: { name: 'switchyard-worker-heavy', namespace: 'jobs' },
      spec: {
        scaleTargetRef: { name: 'switchyard-worker-heavy' },
        minReplicaCount: 1,
        // What 9 an hour pays for, at 2 each.
        maxReplicaCount: 4,
        cooldownPeriod: 120,
        // The longest that Kubernetes takes.
        advanced: { horizontalPodAutoscalerConfig: { behavior: { scaleDown: { stabilizationWindowSeconds: 3_600 } } } },
      },
    });
    expect(
      object!.spec.triggers.map((trigger: { metadata: { taskQueue: string } }) => trigger.metadata.taskQueue),
    ).toEqual(expect.arrayContaining(['heavy.simulation', 'heavy.upscale']));
    for (const trigger of object!.spec.triggers) {
      expect(trigger).toMatchObject({
        type: 'temporal',
        metadata: {
          endpoint: 'temporal:7233',
          namespace: 'default',
          queueTypes: 'activity',
          activationTargetQueueSize: '0',
        },
      });
      // KEDA takes text only.
      for (const value of Object.values(trigger.metadata)) expect(typeof value).toBe('string');
    }
  });

  test('with an image the Deployment, whose pods have time for their jobs; the key of Temporal stays in its secret', async () => {
    const key = 'tmprl-very-secret';
    const ran = await generate(['--pool', 'standard,heavy', '--image', 'switchyard:1'], {
      TEMPORAL_ADDRESS: 'cloud.example.test:7233',
      TEMPORAL_API_KEY: key,
    });
    expect(ran.code).toBe(0);
    expect(ran.stdout).not.toContain(key);
    const all = manifests(ran);
    expect(all.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'TriggerAuthentication switchyard-temporal',
      'Deployment switchyard-worker-standard',
      'ScaledObject switchyard-worker-standard',
      'Deployment switchyard-worker-heavy',
      'ScaledObject switchyard-worker-heavy',
    ]);
    const { spec } = all[3]!.spec.template;
    expect(all[3]!.spec.replicas).toBeUndefined();
    expect(spec.terminationGracePeriodSeconds).toBe(630);
    expect(spec.containers[0].args).toEqual(['node', 'dist/workers/pool-main.js', '--pool', 'heavy']);
    expect(spec.containers[0].env).toEqual(
      expect.arrayContaining([{ name: 'SWITCHYARD_SHUTDOWN_GRACE', value: '600s' }]),
    );
    expect(all[4]!.spec.triggers[0].authenticationRef).toEqual({ name: 'switchyard-temporal' });
  });

  test.each([
    [['--pool', 'haevy', '--temporal-address', 'x:1'], 6, 'did you mean heavy?'],
    [['--pool', 'fast-lane', '--temporal-address', 'x:1'], 2, 'has no "scaling" in pools.json'],
    [[], 2, 'Give --temporal-address HOST:PORT'],
  ])('%j is refused', async (args, code, text) => {
    const ran = await generate(args);
    expect(ran).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(text) });
  });
});
