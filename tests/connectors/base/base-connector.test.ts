import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { BaseConnector } from '../../../connectors/base/base-connector.ts';
import { ConnectorError } from '../../../connectors/contract/connector-error.ts';
import type { JobData, JobResult, ProgressCallback } from '../../../connectors/contract/connector.ts';
import type { JobContext } from '../../../connectors/contract/job-context.ts';
import { contextFor, eventually, jobOf } from '../harness.ts';

/** A backend that can be told how it feels. */
class Backend {
  answer = 200;
  readonly cancelled: string[] = [];
  readonly server: Server = createServer((request, response) => {
    if (request.method === 'DELETE') this.cancelled.push(request.url ?? '');
    if (this.answer > 0) response.writeHead(this.answer).end();
  });

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    if (this.server.listening) await once(this.server, 'close');
  }
}

class Probe extends BaseConnector {
  service_type = 'probe';
  version = '1.0.0';
  initialized = 0;
  cleaned = 0;
  /** Ends a job by its id. */
  readonly finish = new Map<string, () => void>();

  constructor(base_url: string, settings: Record<string, unknown> = {}) {
    super('probe-1', { service_type: 'probe', base_url, health_check_interval_seconds: 0, ...settings });
  }
  protected async initializeService() {
    this.initialized += 1;
    if (!(await this.checkHealth())) throw new ConnectorError('service_unavailable', 'not there');
  }
  protected async cleanupService() {
    this.cleaned += 1;
  }
  async getServiceInfo() {
    const response = await fetch(`${this.config.base_url}/health`);
    const status = response.ok ? ('online' as const) : ('offline' as const);
    return { service_name: 'probe', service_version: '1', status, capabilities: { supported_models: ['m1'] } };
  }
  getHealthCheckCapabilities() {
    return {
      supportsBasicHealthCheck: true,
      supportsJobStatusQuery: false,
      supportsJobCancellation: true,
      supportsServiceRestart: false,
      supportsQueueIntrospection: false,
    };
  }
  protected override async cancelJobImpl(jobId: string, serviceJobId: string | undefined) {
    await fetch(`${this.config.base_url}/${jobId}/${serviceJobId}`, { method: 'DELETE' });
  }
  protected async processJobImpl(job: JobData, progress: ProgressCallback, context?: JobContext): Promise<JobResult> {
    await this.trackServiceJob(job.id, `backend-${job.id}`, this.config.base_url);
    await progress({ job_id: job.id, progress: 50 });
    await new Promise<void>((resolve, reject) => {
      this.finish.set(job.id, resolve);
      context?.signal.addEventListener('abort', () => reject(context.signal.reason as Error), { once: true });
    });
    return { job_id: job.id, status: 'completed', result: { ok: true } };
  }
}

/** As the creation guide has it: no third parameter, and a loop that knows of no signal. */
class GuideStyle extends Probe {
  rounds = 0;
  protected override async processJobImpl(job: JobData, progress: ProgressCallback): Promise<JobResult> {
    for (;;) {
      this.rounds += 1;
      await progress({ job_id: job.id, progress: 1 });
      await delay(5);
    }
  }
}

const backend = new Backend();
let url: string;
let connector: Probe;

beforeEach(async () => {
  backend.answer = 200;
  backend.cancelled.length = 0;
  url = await backend.start();
  connector = new Probe(url);
});
afterEach(async () => {
  await connector.cleanup();
  await backend.stop();
});

async function running(id: string, context = contextFor()) {
  const outcome = connector.processJob(jobOf({}, { id }), () => {}, context).catch((error: unknown) => error);
  await eventually(() => expect(connector.finish.has(id)).toBe(true));
  return { outcome, context };
}

describe('life cycle', () => {
  test('initialises once, however often and by however many it is asked', async () => {
    expect(connector.getStatus()).toBe('starting');
    const both = Promise.all([connector.initialize(), connector.initialize()]);
    expect(connector.getStatus()).toBe('connecting');
    await both;
    await connector.initialize();
    expect(connector.initialized).toBe(1);
    expect(connector.getStatus()).toBe('idle');
    await connector.cleanup();
    await connector.cleanup();
    expect(connector.cleaned).toBe(1);
    expect(connector.getStatus()).toBe('offline');
  });

  test('a service that is away: it says so, and the next try counts', async () => {
    backend.answer = 503;
    await expect(connector.initialize()).rejects.toMatchObject({ code: 'service_unavailable' });
    expect(connector.getStatus()).toBe('waiting_for_service');
    backend.answer = 200;
    await connector.initialize();
    expect(connector.getStatus()).toBe('idle');
  });

  test('a start that breaks for another reason is an error', async () => {
    connector = new Probe('http://127.0.0.1:0');
    await expect(connector.initialize()).rejects.toThrow();
    expect(connector.getStatus()).toBe('error');
  });

  test('the first job initialises a connector that nobody has', async () => {
    const { outcome } = await running('a');
    connector.finish.get('a')?.();
    expect(await outcome).toMatchObject({ status: 'completed' });
  });
});

describe('jobs', () => {
  test('active while any of several runs; results carry time and connector', async () => {
    const [a, b] = [await running('a'), await running('b')];
    connector.finish.get('a')?.();
    const result = (await a.outcome) as JobResult;
    expect(result.processing_time_ms).toBeGreaterThanOrEqual(0);
    expect(result.service_info).toEqual({ connector_id: 'probe-1' });
    expect(connector.getStatus()).toBe('active');
    connector.finish.get('b')?.();
    await b.outcome;
    expect(connector.getStatus()).toBe('idle');
  });

  test('a tracked service job reaches the context of its own job', async () => {
    const [a, b] = [await running('a'), await running('b')];
    expect(a.context.tracked).toEqual([{ serviceJobId: 'backend-a', instance: url }]);
    expect(b.context.tracked).toEqual([{ serviceJobId: 'backend-b', instance: url }]);
    for (const finish of connector.finish.values()) finish();
  });

  test('the same job twice at once is refused', async () => {
    const { outcome } = await running('a');
    await expect(connector.processJob(jobOf({}, { id: 'a' }))).rejects.toMatchObject({ code: 'conflict' });
    connector.finish.get('a')?.();
    await outcome;
  });

  test('cancelJob stops that job alone and tells the backend which one', async () => {
    const [a, b] = [await running('a'), await running('b')];
    await connector.cancelJob('a');
    await connector.cancelJob('unknown');
    expect(await a.outcome).toMatchObject({ code: 'cancelled' });
    expect(backend.cancelled).toEqual(['/a/backend-a']);
    expect(connector.getStatus()).toBe('active');
    connector.finish.get('b')?.();
    expect(await b.outcome).toMatchObject({ status: 'completed' });
  });

  test('a cancel by the context ends with its very reason, after the backend has been told', async () => {
    const { outcome, context } = await running('a');
    const reason = new Error('CANCELLED');
    context.abort(reason);
    expect(await outcome).toBe(reason);
    expect(backend.cancelled).toEqual(['/a/backend-a']);
  });

  test.each(['WORKER_SHUTDOWN', 'NOT_FOUND', 'PAUSED', 'RESET', 'TIMED_OUT'])(
    '%s leaves the backend at work for the next attempt',
    async (message) => {
      const { outcome, context } = await running('a');
      const reason = Object.assign(new Error(message), { name: 'CancelledFailure' });
      context.abort(reason);
      expect(await outcome).toBe(reason);
      expect(backend.cancelled).toEqual([]);
    },
  );

  test('clean-up ends running jobs in a way that lets them go on elsewhere', async () => {
    const { outcome } = await running('a');
    await connector.cleanup();
    expect(await outcome).toMatchObject({ code: 'service_unavailable' });
    expect(backend.cancelled).toEqual([]);
  });

  test('a connector that takes no context is cancelled all the same, and its loop ends', async () => {
    const guide = new GuideStyle(url);
    connector = guide;
    const context = contextFor();
    const outcome = guide.processJob(jobOf({}, { id: 'a' }), () => {}, context).catch((error: unknown) => error);
    await eventually(() => expect(guide.rounds).toBeGreaterThan(1));
    const reason = new Error('stop');
    context.abort(reason);
    expect(await outcome).toBe(reason);
    const rounds = guide.rounds;
    await delay(50);
    expect(guide.rounds).toBeLessThanOrEqual(rounds + 1);
  });
});

describe('health', () => {
  const quick = { health_check_interval_seconds: 0.02, health_check_failures: 2, health_check_timeout_seconds: 0.2 };

  test('goes down after failures in a row and comes back with the first good answer', async () => {
    connector = new Probe(url, quick);
    await connector.initialize();
    backend.answer = 500;
    await eventually(() => expect(connector.getStatus()).toBe('waiting_for_service'));
    backend.answer = 200;
    await eventually(() => expect(connector.getStatus()).toBe('idle'));
  });

  test('a check that hangs is an error, and is not asked again meanwhile', async () => {
    connector = new Probe(url, quick);
    await connector.initialize();
    let asked = 0;
    backend.server.on('request', () => (asked += 1));
    backend.answer = 0;
    await eventually(() => expect(connector.getStatus()).toBe('error'));
    expect(asked).toBe(1);
    backend.server.closeAllConnections();
    backend.answer = 200;
    await eventually(() => expect(connector.getStatus()).toBe('idle'));
  });

  test('a running job keeps the connector active; its fault shows afterwards', async () => {
    connector = new Probe(url, quick);
    const { outcome } = await running('a');
    backend.answer = 500;
    let checks = 0;
    backend.server.on('request', () => (checks += 1));
    await eventually(() => expect(checks).toBeGreaterThan(4));
    expect(connector.getStatus()).toBe('active');
    connector.finish.get('a')?.();
    await outcome;
    expect(connector.getStatus()).toBe('waiting_for_service');
  });
});

test('settings change at run time, the health schedule too', async () => {
  await connector.initialize();
  backend.answer = 500;
  await connector.updateConfiguration({ health_check_interval_seconds: 0.02, extra: 1 });
  expect(connector.getConfiguration()).toMatchObject({ service_type: 'probe', base_url: url, extra: 1 });
  await eventually(() => expect(connector.getStatus()).toBe('waiting_for_service'));
  connector.getConfiguration()['extra'] = 2;
  expect(connector.getConfiguration()['extra']).toBe(1);
});

test('what a connector need not write has sensible answers', async () => {
  expect(await connector.queryJobStatus('x')).toEqual({
    serviceJobId: 'x',
    status: 'unknown',
    canReconnect: false,
    canCancel: false,
  });
  expect(await connector.canProcessJob(jobOf({}))).toBe(true);
  expect(await connector.getAvailableModels()).toEqual(['m1']);
  expect(BaseConnector.getRequiredEnvVars()).toEqual({});
});
