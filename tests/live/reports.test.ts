import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { ComfyUIWebSocketConnector } from '../../connectors/comfyui/connector.ts';
import type { ConnectorInterface } from '../../connectors/contract/connector.ts';
import { OpenAITextConnector } from '../../connectors/openai/connector.ts';
import { SimulationConnector } from '../../connectors/simulation/connector.ts';
import type { ServiceHealth, ServingWorker } from '../../contract/service-health.schema.ts';
import { LiveSource } from '../../platform/live/live-source.ts';
import type { Uplink } from '../../platform/live/ws-uplink.ts';
import { startStatusReports, type StatusReports, type StatusReportsOptions } from '../../workers/pool/report-status.ts';
import { ApiFixture } from '../api/api-fixture.ts';
import { ComfyDouble } from '../doubles/comfyui/comfy-double.ts';
import { OpenAiDouble } from '../doubles/openai/openai-double.ts';
import { scriptedCatalog } from '../harness/in-process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { liveApi, uplinkTo } from './live-fixture.ts';

const MODELS = ['simulated-small', 'simulated-large'];

let api: ApiFixture;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  api = await ApiFixture.start({ catalog: scriptedCatalog({ first: {} }), pools: [] }, {}, liveApi());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => api.stop());

interface Reporting {
  source: LiveSource;
  reports: StatusReports;
  uplink: Uplink;
}

/** A worker of the scripted service, as far as its reports go. */
function worker(
  name: string,
  ready: () => Promise<ConnectorInterface>,
  more: Partial<StatusReportsOptions> = {},
): Reporting {
  const source = new LiveSource();
  const queues = [{ pool: 'first', capability: 'scripted', slots: 3 }];
  const reports = startStatusReports({
    worker: name,
    served: [{ connector: 'TheConnector', queues, ready }],
    missing: [],
    hide: (text) => text.replaceAll('a-secret', '[redacted]'),
    send: (report) => source.report(report),
    everyMs: 500,
    ...more,
  });
  source.reportFrom(() => reports.current());
  const uplink = uplinkTo(() => api.url, source);
  closing.push(() => {
    reports.stop();
    uplink.close();
    source.close();
  });
  return { source, reports, uplink };
}

function made(connector: ConnectorInterface): () => Promise<ConnectorInterface> {
  closing.push(() => connector.cleanup());
  return async () => {
    await connector.initialize();
    return connector;
  };
}

/** What the service's view says of one worker, once it is as wanted. */
function serving(name: string, wanted: (view: ServingWorker) => unknown = () => true): Promise<ServingWorker> {
  return waitUntil(async () => {
    const { served_by } = await api.json<ServiceHealth>('/api/services/scripted');
    return served_by.find((each) => each.worker === name && wanted(each));
  }, 60_000);
}

test('a worker that lacks variables serves nothing and says which', async () => {
  const queues = [{ pool: 'first', capability: 'scripted' }];
  worker('worker/bare', () => new Promise(() => {}), {
    served: [],
    missing: [{ connector: 'TheConnector', queues, variables: ['THE_KEY', 'THE_URL'] }],
  });
  const view = await waitUntil(async () => {
    const seen = await api.json<ServiceHealth>('/api/services/scripted');
    return seen.health_reason === undefined ? undefined : seen;
  });
  expect(view).toMatchObject({ health: 'no_worker', health_reason: 'THE_KEY, THE_URL not set at worker/bare' });
  expect(view.served_by).toEqual([]);
});

test('a backend that comes and goes is seen to, with the reason and since when', async () => {
  const flapping = { health_period: 3_000, health_check_interval_seconds: 0.05, health_check_failures: 2 };
  worker('worker/flapping', made(new SimulationConnector('sim', flapping)));
  for (const state of ['unhealthy', 'healthy', 'unhealthy'])
    await serving('worker/flapping', ({ health, models }) => health === state && models);
  const view = await serving('worker/flapping', ({ health }) => health === 'unhealthy');
  expect(view).toMatchObject({ pool: 'first', connector_id: 'sim', slots: 3, models: MODELS, models_total: 2 });
  expect(view).toMatchObject({ service_name: 'Simulation', service_version: '1.0.0' });
  expect(view.reason).toBe('the service says that it is not available');
  expect(Math.abs(Date.now() - Date.parse(view.since!))).toBeLessThan(60_000);
  expect(view.latency_ms).toBeGreaterThanOrEqual(0);
});

test('models of a ComfyUI and of an OpenAI server are told, and kept: not asked for with every report', async () => {
  const [comfy, openai] = [await ComfyDouble.start(), await OpenAiDouble.start()];
  closing.push(
    () => comfy.stop(),
    () => openai.stop(),
  );
  const settings = { base_url: comfy.url, health_check_interval_seconds: 0.2 };
  worker('worker/comfyui', made(new ComfyUIWebSocketConnector('comfy', settings)));
  worker('worker/openai', made(new OpenAITextConnector('openai', { base_url: openai.url, api_key: 'sk-double' })));
  const [ofComfy, ofOpenai] = [
    await serving('worker/comfyui', ({ models }) => models),
    await serving('worker/openai', ({ models }) => models),
  ];
  expect(ofComfy.models).toEqual([
    'anime/v3.ckpt',
    'detail.safetensors',
    'sd_xl_base_1.0.safetensors',
    'sdxl_vae.safetensors',
  ]);
  expect(ofComfy.details).toMatchObject({ node_definitions_held: 0 });
  expect(ofOpenai.models!.length).toBeGreaterThan(0);
  const { services } = await api.json<{ services: ServiceHealth[] }>('/api/services');
  expect(services[0]!.models).toEqual(expect.arrayContaining([...ofComfy.models!, ...ofOpenai.models!]));
  expect(services[0]!.served_by.every(({ models }) => models === undefined)).toBe(true);
  const asked = () => comfy.ledger.requests.filter((request) => request === 'GET /models').length;
  const before = { models: asked(), checks: comfy.ledger.requests.length };
  await waitUntil(() => comfy.ledger.requests.length > before.checks + 5);
  expect(asked()).toBe(before.models);
});

test('a backend that is away when the worker starts is told with its reason, without secrets, and tried again', async () => {
  let there = false;
  const ready = made(new SimulationConnector('sim', { health_check_interval_seconds: 0 }));
  worker('worker/late', async () => {
    if (!there) throw new Error('connection refused with a-secret');
    return ready();
  });
  const view = await serving('worker/late', ({ health }) => health === 'unhealthy');
  expect(view.reason).toBe('connection refused with [redacted]');
  there = true;
  await serving('worker/late', ({ health, models }) => health === 'healthy' && models);
});

test('a worker that is there and does not report is unknown; what its reports cost is no event of a job', async () => {
  const group = await api.stack.startPool('first', { identity: 'worker/silent', ownConnection: true });
  const before = await serving('worker/silent');
  expect(before.health).toBe('unknown');
  expect(before.reason).toBeDefined();
  worker('worker/silent', made(new SimulationConnector('sim', {})));
  await serving('worker/silent', ({ health }) => health === 'healthy');
  const { id } = await api.submit();
  await api.untilStatus(id, 'completed');
  const history = await api.stack.client.workflow.getHandle(`job/${id}`).fetchHistory();
  expect(history.events).toHaveLength(11);
  group.shutdown();
  await group.done;
});
