import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll } from '@jest/globals';
import { pino } from 'pino';
import type { JobData } from '../../connectors/contract/connector.ts';
import type { JobContext } from '../../connectors/contract/job-context.ts';
import { createFileArtifactStore } from '../../platform/artifacts/file-artifact-store.ts';
import type { ArtifactStore } from '../../platform/artifacts/artifact-store.ts';

export function jobOf(payload: Record<string, unknown>, job: Partial<JobData> = {}): JobData {
  return { id: 'job1', type: 'test', payload, priority: 3, created_at: Date.now(), ...job };
}

/** A context as an attempt has it, on a real store, with what was done to it open to a look. */
export interface TestContext extends JobContext {
  readonly tracked: { serviceJobId: string; instance?: string }[];
  readonly checkpoints: unknown[];
  abort(reason: unknown): void;
  store: ArtifactStore;
  remove(): Promise<void>;
}

export interface TestContextOptions {
  jobId?: string;
  attempt?: number;
  serviceJobId?: string;
  serviceInstance?: string;
  checkpoint?: unknown;
  maxOutputBytes?: number;
}

/** Of the contexts of one test file; most tests need no tidying up of their own. */
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

export function contextFor(options: TestContextOptions = {}): TestContext {
  const controller = new AbortController();
  let folder: string | undefined;
  const root = () => {
    if (folder === undefined) folders.push((folder = mkdtempSync(join(tmpdir(), 'switchyard-context-'))));
    return folder;
  };
  let store: ArtifactStore | undefined;
  const tracked: TestContext['tracked'] = [];
  const checkpoints: unknown[] = [];
  return {
    signal: controller.signal,
    attempt: options.attempt ?? 1,
    logger: pino({ level: 'silent' }),
    checkpoint: options.checkpoint,
    serviceJobId: options.serviceJobId,
    serviceInstance: options.serviceInstance,
    get workDir() {
      return root();
    },
    get store() {
      return (store ??= createFileArtifactStore(join(root(), 'artifacts')));
    },
    tracked,
    checkpoints,
    abort: (reason) => controller.abort(reason),
    async saveCheckpoint(checkpoint) {
      checkpoints.push(checkpoint);
    },
    async trackServiceJob(serviceJobId, instance) {
      tracked.push({ serviceJobId, instance });
    },
    openInput: async () => {
      throw new Error('this context has no inputs');
    },
    writeOutput(content, output) {
      const maxBytes = options.maxOutputBytes ?? 1e9;
      return this.store.putOutput(options.jobId ?? 'job1', content, { ...output, maxBytes, signal: controller.signal });
    },
    async remove() {
      if (folder) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs the assertion again until it holds; fails with its last error after the limit. */
export async function eventually<T>(assertion: () => T | Promise<T>, limitMs = 20_000): Promise<T> {
  const until = performance.now() + limitMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > until) throw error;
    }
    await delay(5);
  }
}
