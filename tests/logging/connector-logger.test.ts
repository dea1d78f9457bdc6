import { afterEach, describe, expect, test } from '@jest/globals';
import { BaseConnector, ConnectorError, ConnectorLogger, setConnectorLogger } from '../../connectors/index.ts';
import type { JobData, JobLogFacts, JobResult, LogFields, ProgressCallback } from '../../connectors/index.ts';
import { LOG_FIELD_SETS } from '../../connectors/base/logging/field-sets.ts';
import { RESERVED } from '../../connectors/base/logging/pick-fields.ts';
import { createLogger } from '../../platform/logging/create-logger.ts';
import { jobLogger } from '../../platform/logging/job-logger.ts';
import { contextFor, jobOf } from '../connectors/harness.ts';

const lines: string[] = [];
const destination = { write: (line: string) => void lines.push(line) };
const logger = createLogger({ level: 'info', name: 'worker', destination });
const records = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
afterEach(() => void lines.splice(0));

describe('ConnectorLogger', () => {
  const example = (serviceType: string) =>
    new ConnectorLogger({ machineId: 'm-1', workerId: 'w-1', serviceType, connectorId: 'c-1', logger });

  test('writes the records of a job as the guide shows them, one JSON line each', () => {
    const log = example('comfyui').withJobContext('job-1');
    log.jobReceived({ jobId: 'job-1', inputSize: 120 });
    log.jobStarted({ jobId: 'job-1' });
    log.jobProgress({ jobId: 'job-1', progress: 50 });
    log.jobCompleted({ jobId: 'job-1', duration: 15_000 });
    log.jobFailed({ jobId: 'job-1', error: new Error('no more memory'), code: 'out_of_memory', duration: 7 });
    const common = {
      machine_id: 'm-1',
      worker_id: 'w-1',
      service_type: 'comfyui',
      connector_id: 'c-1',
      job_id: 'job-1',
      name: 'worker',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    };
    expect(records()).toMatchObject([
      { ...common, level: 'info', event: 'job_received', input_size: 120 },
      { ...common, event: 'job_started' },
      { ...common, event: 'job_progress', progress: 50 },
      { ...common, event: 'job_completed', duration_ms: 15_000 },
      { ...common, level: 'warn', event: 'job_failed', code: 'out_of_memory', err: { message: 'no more memory' } },
    ]);
    for (const line of lines) {
      expect(line.match(/"job_id"/g)).toHaveLength(1);
      expect(line.endsWith('}\n')).toBe(true);
    }
  });

  test.each([
    [
      'comfyui',
      {
        prompt_id: 'prompt-123',
        client_id: 'client-456',
        websocket_message_type: 'execution_start',
        node_id: 'node_001',
        model_name: 'sdxl-base',
        vram_usage: 4_096,
      },
    ],
    [
      'openai-text',
      {
        model: 'gpt-4',
        request_id: 'req-123',
        token_usage: { prompt_tokens: 50, completion_tokens: 100 },
        response_time_ms: 1_500,
      },
    ],
    ['a1111', { sampler: 'euler', steps: 20, cfg_scale: 7, seed: 12_345, model_checkpoint: 'anything-v3' }],
  ])("takes the guide's fields of %s flat, and nothing else", (service, fields) => {
    example(service).jobStarted({ jobId: 'j', ...fields, prompt: 'a fox', payload: { text: 'a fox' }, steps_of: 'x' });
    const [record = {}] = records();
    expect(record).toMatchObject(fields);
    expect(lines[0]).not.toContain('fox');
    expect(record).not.toHaveProperty('steps_of');
  });

  test('takes no value of another kind than the field has', () => {
    const hostile = { model: { name: 'x' }, response_time_ms: 'soon', token_usage: { prompt_tokens: 1, text: 'fox' } };
    example('openai').jobCompleted({ jobId: 'j', ...hostile, request_id: 'r'.repeat(5_000) });
    const [record = {}] = records();
    expect(record).not.toHaveProperty('model');
    expect(record).not.toHaveProperty('response_time_ms');
    expect(record['token_usage']).toEqual({ prompt_tokens: 1 });
    expect(record['request_id']).toHaveLength(200);
  });

  test('of a service that declares no fields takes short facts, but no content', () => {
    example('my-service').jobStarted({ jobId: 'j', batchSize: 4, region: 'eu', prompt: 'a fox', inputText: 'a fox' });
    expect(records()[0]).toMatchObject({ batch_size: 4, region: 'eu' });
    expect(lines[0]).not.toContain('fox');
  });

  test('own fields can be declared', () => {
    const own = new ConnectorLogger({ serviceType: 'x', connectorId: 'c', logger, fields: { prompt: 'number' } });
    own.jobStarted({ jobId: 'j', prompt: 3, other: 4 });
    expect(records()[0]).toMatchObject({ prompt: 3 });
    expect(records()[0]).not.toHaveProperty('other');
  });
});

test.each(Object.entries(LOG_FIELD_SETS))('%s: no normalized field takes the place of another key', (_, set) => {
  expect(Object.keys(set).filter((name) => RESERVED.has(name) || !/^[a-z][a-z0-9_]*$/.test(name))).toEqual([]);
});

/** As in the guide: a logger of its own, under the name the base class uses, and one argument for the base class. */
class ExampleConnector extends BaseConnector {
  service_type = 'comfyui';
  version = '1';
  work: (report: ProgressCallback) => Promise<unknown> = async () => 'done';

  constructor(connectorId = 'example') {
    super(connectorId);
  }
  protected async initializeService() {}
  protected async cleanupService() {}
  async getServiceInfo() {
    return { service_name: 'x', service_version: '1', status: 'online' as const, capabilities: {} };
  }
  getHealthCheckCapabilities() {
    return {
      supportsBasicHealthCheck: true,
      supportsJobStatusQuery: false,
      supportsJobCancellation: false,
      supportsServiceRestart: false,
      supportsQueueIntrospection: false,
    };
  }
  protected override logFields({ event, job, result }: JobLogFacts): LogFields {
    if (job.payload['breaks']) throw new Error('no fields today');
    return { prompt_id: `p-${job.id}`, model_name: event, nodes: (result?.result as { nodes?: number })?.nodes };
  }
  protected async processJobImpl(job: JobData, report: ProgressCallback): Promise<JobResult> {
    return { job_id: job.id, status: 'completed', result: await this.work(report) };
  }
}

describe('a connector on BaseConnector', () => {
  const PROMPT = 'a fox that nobody may read about';
  async function run(connector: ExampleConnector, payload: Record<string, unknown> = { prompt: PROMPT }) {
    const context = contextFor({ attempt: 2 });
    const bindings = { job_id: 'job1', service: 'comfyui', pool: 'heavy', attempt: 2 };
    const withLog = Object.create(context, {
      logger: { value: jobLogger(logger, bindings, payload) },
    }) as typeof context;
    try {
      await connector.processJob(jobOf(payload), undefined, withLog).catch(() => {});
    } finally {
      await connector.cleanup();
      await context.remove();
    }
    return records().filter(({ event }) => event !== undefined);
  }
  const events = (found: Record<string, unknown>[]) => found.map(({ event }) => event);

  test('leaves records without a line of its own, with the normalized fields it names', async () => {
    const connector = new ExampleConnector('example-1');
    connector.work = async () => ({ nodes: 7 });
    const found = await run(connector);
    expect(events(found)).toEqual(['job_received', 'job_started', 'job_completed']);
    for (const record of found) {
      expect(record).toMatchObject({ job_id: 'job1', attempt: 2, pool: 'heavy', connector_id: 'example-1' });
      expect(record).toMatchObject({ service_type: 'comfyui', prompt_id: 'p-job1', model_name: record['event'] });
    }
    expect(found[0]).toMatchObject({ input_size: JSON.stringify({ prompt: PROMPT }).length });
    expect(found[2]).toMatchObject({ duration_ms: expect.any(Number), artifacts: 0, nodes: 7 });
    for (const line of lines) expect(new Set(line.match(/"job_id":|"attempt":|"service_type":/g)).size).toBe(3);
  });

  test('says why a job failed, without the payload', async () => {
    const connector = new ExampleConnector('example-2');
    connector.work = async () => {
      throw new ConnectorError('backend_error', `the server said: bad prompt "${PROMPT}"`);
    };
    const found = await run(connector);
    expect(events(found)).toEqual(['job_received', 'job_started', 'job_failed']);
    expect(found[2]).toMatchObject({ level: 'warn', code: 'backend_error', err: { type: 'ConnectorError' } });
    expect(lines.join('')).not.toContain('nobody may read');
  });

  test('tells progress in steps worth reading, not every report', async () => {
    const connector = new ExampleConnector('example-3');
    connector.work = async (report) => {
      for (let progress = 0; progress <= 100; progress += 1) await report({ job_id: 'job1', progress });
    };
    expect(events(await run(connector)).filter((event) => event === 'job_progress').length).toBeLessThanOrEqual(10);
  });

  test('does not fail for fields that cannot be named', async () => {
    const found = await run(new ExampleConnector('example-4'), { breaks: true });
    expect(events(found)).toEqual(['job_received', 'job_started', 'job_completed']);
  });

  test('without a context logs to the logger of the process, again without the payload', async () => {
    setConnectorLogger(logger);
    const connector = new ExampleConnector('example-5');
    connector.work = async () => {
      throw new Error(PROMPT);
    };
    await expect(connector.processJob(jobOf({ prompt: PROMPT }))).rejects.toThrow();
    await connector.cleanup();
    expect(records()).toContainEqual(expect.objectContaining({ event: 'job_failed', job_id: 'job1' }));
    expect(lines.join('')).not.toContain('nobody may read');
  });
});
