import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import sharp from 'sharp';
import type { ConnectorConfig, ConnectorInterface, ProgressUpdate } from '../../../../connectors/contract/connector.ts';
import type { LiveSink } from '../../../../connectors/contract/live-sink.ts';
import { createInputResolver } from '../../../../platform/inputs/create-input-resolver.ts';
import type { DoubleServer } from '../../../doubles/hosted/double-server.ts';
import { contextFor, eventually, jobOf, type TestContext, type TestContextOptions } from '../../harness.ts';

/** What a live channel would carry. */
class Heard implements LiveSink {
  readonly tokens: { text: string; position: number }[] = [];
  readonly previews: { bytes: number; mime: string; index: number }[] = [];
  token(text: string, position: number) {
    this.tokens.push({ text, position });
  }
  preview(picture: Buffer, mime: string, index: number) {
    this.previews.push({ bytes: picture.length, mime, index });
  }
}

type HostedClass = new (id?: string, config?: Partial<ConnectorConfig>) => ConnectorInterface;

/** A double, connectors to it, and jobs on real stores; all of it goes with the test. */
export class HostedBench<Double extends DoubleServer> {
  double!: Double;
  readonly #connectors: ConnectorInterface[] = [];
  readonly #contexts: TestContext[] = [];

  constructor(start: () => Promise<Double>) {
    beforeEach(async () => {
      this.double = await start();
    });
    afterEach(async () => {
      await Promise.all(this.#connectors.splice(0).map((connector) => connector.cleanup()));
      await Promise.all(this.#contexts.splice(0).map((context) => context.remove()));
      await this.double.stop();
    });
  }

  get state() {
    return this.double.state;
  }

  connector(Class: HostedClass, config: Partial<ConnectorConfig> = {}): ConnectorInterface {
    const connector = new Class(undefined, {
      base_url: this.double.url,
      api_key: 'sk-double',
      poll_seconds: 0.01,
      health_check_interval_seconds: 0,
      ...config,
    });
    this.#connectors.push(connector);
    return connector;
  }

  /** Starts an attempt. */
  start(connector: ConnectorInterface, payload: Record<string, unknown>, options: TestContextOptions = {}) {
    const base = contextFor(options);
    this.#contexts.push(base);
    const live = new Heard();
    const inputs = createInputResolver({
      config: {
        inputRoots: [join(import.meta.dirname, '..', '..', '..', '..', 'examples')],
        maxUploadBytes: 1e8,
        allowPrivateInputUrls: true,
      },
      artifacts: base.store,
    });
    const context = Object.assign(base, {
      live,
      openInput: (reference: string, pointer: string) => inputs.open(reference, pointer, base.signal),
    });
    const reports: ProgressUpdate[] = [];
    const job = jobOf(payload, { id: options.jobId ?? 'job1' });
    const outcome = connector.processJob(job, (update) => void reports.push(update), context);
    outcome.catch(() => {});
    return { outcome, reports, context, live };
  }

  until<T>(assertion: () => T | Promise<T>): Promise<T> {
    return eventually(assertion);
  }

  /** What the next attempt inherits from this one. */
  inherited(context: TestContext, attempt = 2): TestContextOptions {
    return {
      attempt,
      checkpoint: context.checkpoints.at(-1),
      serviceJobId: context.tracked.at(-1)?.serviceJobId,
    };
  }
}

/** As Temporal aborts an attempt. */
export const cancelled = () => Object.assign(new Error('CANCELLED'), { name: 'CancelledFailure' });
export const shutdown = () => Object.assign(new Error('WORKER_SHUTDOWN'), { name: 'CancelledFailure' });

export async function pngDataUrl(red = 200): Promise<string> {
  const bytes = await sharp({
    create: { width: 8, height: 8, channels: 4, background: { r: red, g: 1, b: 1, alpha: 0.5 } },
  })
    .png()
    .toBuffer();
  return `data:image/png;base64,${bytes.toString('base64')}`;
}
