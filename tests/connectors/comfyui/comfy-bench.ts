import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { ComfyUIWebSocketConnector } from '../../../connectors/comfyui/connector.ts';
import type {
  ConnectorConfig,
  ConnectorInterface,
  JobResult,
  ProgressUpdate,
} from '../../../connectors/contract/connector.ts';
import type { InputFile } from '../../../connectors/contract/job-context.ts';
import { ComfyDouble, type ComfyDoubleOptions } from '../../doubles/comfyui/comfy-double.ts';
import { contextFor, jobOf, type TestContext, type TestContextOptions } from '../harness.ts';

type Make = new (id?: string, config?: Partial<ConnectorConfig>) => ConnectorInterface;

/** Waits that a test should not have to sit through. */
export const QUICK = { poll_seconds: 0.1, health_check_interval_seconds: 0, cancel_seconds: 20 };

/** A double, a connector for it, and attempts of jobs as the activity runs them. All ends with the test. */
export class ComfyBench {
  readonly double: ComfyDouble;
  readonly connector: ConnectorInterface;
  readonly #contexts: TestContext[] = [];

  constructor(double: ComfyDouble, connector: ConnectorInterface) {
    this.double = double;
    this.connector = connector;
    open.push(this);
  }

  /** Another process with a connector for the same server. */
  another(config: Partial<ConnectorConfig> = {}, Class: Make = ComfyUIWebSocketConnector): ComfyBench {
    return new ComfyBench(this.double, new Class('other', { base_url: this.double.url, ...QUICK, ...config }));
  }

  attempt(
    payload: Record<string, unknown>,
    options: TestContextOptions & { inputs?: Record<string, Buffer> } = {},
  ): Attempt {
    const context = withInputs(contextFor(options), options.inputs ?? {});
    this.#contexts.push(context);
    const progress: ProgressUpdate[] = [];
    const previews: { bytes: Buffer; mime: string; index: number }[] = [];
    const live = {
      token: () => {},
      preview: (bytes: Buffer, mime: string, index: number) => void previews.push({ bytes, mime, index }),
    };
    Object.defineProperty(context, 'live', { value: live });
    const job = jobOf(payload, { id: options.jobId ?? 'job1', type: 'comfyui' });
    const result = this.connector.processJob(job, (update) => void progress.push(update), context);
    result.catch(() => {});
    return { context, progress, previews, result };
  }

  async stop(): Promise<void> {
    await this.connector.cleanup();
    for (const context of this.#contexts) await context.remove();
    await this.double.stop();
  }
}

export interface Attempt {
  context: TestContext;
  progress: ProgressUpdate[];
  previews: { bytes: Buffer; mime: string; index: number }[];
  result: Promise<JobResult>;
}

const open: ComfyBench[] = [];

afterEach(async () => {
  for (const bench of open.splice(0)) await bench.stop();
});

export async function comfyBench(
  config: Partial<ConnectorConfig> = {},
  options: ComfyDoubleOptions = {},
  Class: Make = ComfyUIWebSocketConnector,
): Promise<ComfyBench> {
  const double = await ComfyDouble.start(options);
  return new ComfyBench(double, new Class('comfy', { base_url: double.url, ...QUICK, ...config }));
}

/** Pictures of one colour through the given nodes into SaveImage. */
export function graphWith(middle: Record<string, { class_type: string; inputs: Record<string, unknown> }> = {}) {
  const last = Object.keys(middle).at(-1) ?? '1';
  return {
    '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 255 } },
    ...middle,
    '9': { class_type: 'SaveImage', inputs: { images: [last, 0], filename_prefix: 'test' } },
  };
}

/** A graph that waits in the middle until the double is told to go on. */
export function heldGraph(name: string, class_type: 'Hold' | 'Stuck' = 'Hold') {
  return graphWith({ '5': { class_type, inputs: { image: ['1', 0], name } } });
}

/** Why an attempt of this job was told to stop though it goes on elsewhere: as a worker that leaves. */
export function workerShutdown(): Error {
  return Object.assign(new Error('WORKER_SHUTDOWN'), { name: 'CancelledFailure' });
}

export function cancelled(): Error {
  return Object.assign(new Error('CANCELLED'), { name: 'CancelledFailure' });
}

function withInputs(context: TestContext, inputs: Record<string, Buffer>): TestContext {
  const openInput = async (reference: string, pointer: string): Promise<InputFile> => {
    const content = inputs[reference];
    if (!content) throw new Error(`no input ${reference} at ${pointer}`);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const path = join(context.workDir, sha256);
    writeFileSync(path, content);
    return { path, name: 'picture.png', bytes: content.length, sha256, mime: 'image/png' };
  };
  Object.defineProperty(context, 'openInput', { value: openInput });
  return context;
}
