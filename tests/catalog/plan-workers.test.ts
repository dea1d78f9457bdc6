import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { joinCatalog } from '../../platform/catalog/join-catalog.ts';
import { poolSchema } from '../../platform/catalog/pools.schema.ts';
import { serviceMappingSchema } from '../../platform/catalog/service-mapping.schema.ts';
import { parseUnits, type PlanFacts } from '../../platform/machine/plan-facts.ts';
import { planWorkers } from '../../platform/machine/plan-workers.ts';
import { parseSelection } from '../../platform/machine/worker-selection.ts';

const manifest = (service: string, connector: string): ServiceManifest => ({
  service,
  title: service,
  description: service,
  connectors: [connector],
  payload: z.record(z.string(), z.unknown()),
  inputs: [],
  example: {},
});

const entry = (capability: string | string[], connector: string, more: object = {}) => ({
  service: [{ capability, connector }],
  ...more,
});

const catalog = joinCatalog(
  serviceMappingSchema.parse({
    connectors: { TextConnector: {}, PictureConnector: {}, VideoConnector: {}, RenderConnector: {} },
    workers: {
      text: entry(['text', 'prose'], 'TextConnector', { pools: ['fast', 'slow'] }),
      cpu: entry('cpu', 'TextConnector', { resource_binding: 'cpu' }),
      picture: entry('picture', 'PictureConnector', {
        resource_binding: 'gpu',
        ports: ['8188', 9188],
        port_increment: 10,
      }),
      pair: entry('pair', 'PictureConnector', { resource_binding: 'gpu', service_instances_per_gpu: 2 }),
      video: entry('video', 'VideoConnector', { resource_binding: 'gpu' }),
      mock: entry('mock', 'VideoConnector', { resource_binding: 'mock_gpu', service_instances_per_gpu: 2 }),
      render: entry('render', 'RenderConnector', { resource_binding: 'licence' }),
      clash: entry('clash', 'RenderConnector', { ports: [8198] }),
      high: entry('high', 'RenderConnector', { ports: [65_535] }),
    },
    resource_bindings: { licence: { units: 1, device_env: 'SEAT' } },
  }),
  new Map(['fast', 'slow'].map((name) => [name, poolSchema.parse({})])),
  [
    manifest('text', 'TextConnector'),
    manifest('picture', 'PictureConnector'),
    manifest('video', 'VideoConnector'),
    manifest('render', 'RenderConnector'),
  ],
);

const machine = (real: number, mock = 0, more: Partial<PlanFacts> = {}): PlanFacts => ({
  gpus: Array.from(
    { length: real + mock },
    (_, index) => ({ index, vendor: index < real ? 'nvidia' : 'mock' }) as const,
  ),
  ...more,
});
const plan = (workers: string, facts = machine(0)) =>
  planWorkers(catalog, parseSelection(workers.split(','), catalog.workers.keys()), facts);
const devices = (workers: string, facts: PlanFacts) =>
  plan(workers, facts).map(({ name, device }) => `${name}@${device?.index}`);

describe('planWorkers', () => {
  test('instances with their queues, over all pools and names of a capability', () => {
    const planned = plan('text:2,cpu:auto');
    expect(planned.map(({ name, instance }) => [name, instance])).toEqual([
      ['text-1', 0],
      ['text-2', 1],
      ['cpu', 0],
    ]);
    const queues = planned[0]!.queues.map(({ taskQueue }) => taskQueue);
    expect(queues).toEqual(['fast.text', 'slow.text', 'fast.prose', 'slow.prose']);
    expect(planned[1]).toMatchObject({ env: { WORKER_ID: 'text-2', SWITCHYARD_INSTANCE: '1' }, ports: [] });
    expect(planned[2]).toMatchObject({ workerId: 'cpu', binding: 'cpu', buildStage: 'base' });
  });

  test('a machine for one pool serves that pool', () => {
    const [worker] = plan('text', machine(0, 0, { pools: ['slow'] }));
    expect(worker!.queues.map(({ taskQueue }) => taskQueue)).toEqual(['slow.text', 'slow.prose']);
    expect(() => plan('cpu', machine(0, 0, { pools: ['slow'] }))).toThrow(/"cpu": does not work for pool slow\n.*fast/);
  });

  test('one per GPU, ports counted on', () => {
    const planned = plan('picture:auto', machine(3));
    expect(planned.map(({ name, device, ports }) => [name, device, ports])).toEqual([
      ['picture-1', { binding: 'gpu', index: 0 }, [8188, 9188]],
      ['picture-2', { binding: 'gpu', index: 1 }, [8198, 9198]],
      ['picture-3', { binding: 'gpu', index: 2 }, [8208, 9208]],
    ]);
    expect(planned[1]!.env['SWITCHYARD_SERVICE_PORTS']).toBe('8198,9198');
  });

  test.each<[string, PlanFacts, string[]]>([
    ['pair:auto', machine(2), ['pair-1@0', 'pair-2@0', 'pair-3@1', 'pair-4@1']],
    ['pair:3', machine(2), ['pair-1@0', 'pair-2@0', 'pair-3@1']],
    ['pair:2,video:1', machine(2), ['pair-1@0', 'pair-2@0', 'video@1']],
    ['picture:auto,video:1', machine(3), ['picture-1@0', 'picture-2@1', 'video@2']],
    ['picture:auto,video:auto', machine(3), ['picture-1@0', 'picture-2@1', 'video@2']],
    ['video:auto', machine(0, 2), ['video-1@0', 'video-2@1']],
    ['mock:auto', machine(1, 1), ['mock-1@1', 'mock-2@1']],
    ['video:1,mock:1', machine(0, 2), ['video@1', 'mock@0']],
    ['render:auto', machine(0, 0, { units: { licence: 2 } }), ['render-1@0', 'render-2@1']],
  ])('%s: devices are dealt out, each to one worker', (workers, facts, expected) => {
    expect(devices(workers, facts)).toEqual(expected);
  });

  test('a binding of the mapping: a unit each, told by its variable', () => {
    expect(plan('render')[0]).toMatchObject({ device: { binding: 'licence', index: 0 }, env: { SEAT: '0' } });
  });

  test.each<[string, PlanFacts, RegExp]>([
    ['picture:auto', machine(0), /"picture:auto": needs 1 of "gpu".*has 0\n.*SWITCHYARD_MOCK_GPUS/],
    ['picture:2,video:1', machine(2), /"picture:2,video:1": needs 3 of "gpu".*has 2/],
    ['mock:1', machine(2), /needs 1 of "mock_gpu"/],
    ['render:2', machine(0), /needs 2 of "licence".*\n.*SWITCHYARD_RESOURCES=licence:2/],
    ['text', machine(0, 0, { units: { licens: 1 } }), /SWITCHYARD_RESOURCES: there is no "licens".*\n.*mean licence/],
    ['picture:auto,clash', machine(2), /workers\.clash\.ports: give clash port 8198, which picture-2 has/],
    ['high:2', machine(0), /workers\.high\.ports: give high-2 port 65536/],
  ])('%s: what does not fit is named', (workers, facts, message) => {
    expect(() => plan(workers, facts)).toThrow(message);
  });
});

describe('WORKERS', () => {
  const known = ['comfyui-remote', 'openai-api'];

  test('names, numbers, auto', () => {
    expect(parseSelection(['comfyui-remote:2', ' openai-api : auto '], known)).toEqual([
      { workerId: 'comfyui-remote', count: 2 },
      { workerId: 'openai-api', count: 'auto' },
    ]);
    expect(parseSelection(['openai-api'], known)).toEqual([{ workerId: 'openai-api', count: 1 }]);
  });

  test.each<[string[], RegExp]>([
    [['comfy-remote'], /there is no worker "comfy-remote" in the service mapping\n.*did you mean comfyui-remote\?/],
    [['openai-api:0'], /"0" is no number of instances\n.*openai-api:2.*openai-api:auto/],
    [['openai-api:many'], /"many" is no number/],
    [['openai-api:-1'], /"-1" is no number/],
    [['openai-api:'], /"" is no number/],
    [['openai-api:1', 'openai-api:2'], /names openai-api twice/],
    [['x', 'y:z'], /worker "x"[\s\S]*worker "y"[\s\S]*"z" is no number/],
  ])('%j is refused', (entries, message) => {
    expect(() => parseSelection(entries, known)).toThrow(message);
  });

  test('SWITCHYARD_RESOURCES', () => {
    expect(parseUnits(['licence:2', 'tpu: 0'])).toEqual({ licence: 2, tpu: 0 });
    expect(() => parseUnits(['licence', 'tpu:x'])).toThrow(/"licence" is not name:number[\s\S]*"tpu:x"/);
  });
});
