import type { ErrorCode } from '../../contract/errors.ts';
import { isErrorCode } from '../../contract/errors.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { JobData, JobResult } from '../contract/connector.ts';
import type { AttemptEnd, PluginJobContext } from '../contract/plugin.ts';
import { PluginError } from './plugin-failure.ts';
import type { PluginInstance } from './plugin-instance.ts';

/** What an attempt hands to its plugins, beside the job and the signal. */
export type PluginJobParts = Omit<PluginJobContext, 'job' | 'signal'>;

/** The plugins around one attempt, in their order. Each sees a copy: half-done changes of one that fails are nobody's. */
export class PluginRun {
  readonly #instances: readonly PluginInstance[];
  readonly #parts: PluginJobParts;
  readonly #signal: AbortSignal;
  readonly #began = performance.now();
  /** Those that have let the job pass: they hear of its end. */
  readonly #passed: PluginInstance[] = [];
  #job: JobData;

  constructor(instances: readonly PluginInstance[], job: JobData, parts: PluginJobParts, signal: AbortSignal) {
    this.#instances = instances.filter(({ configured }) => configured.servesService(job.type));
    this.#job = job;
    this.#parts = parts;
    this.#signal = signal;
  }

  /**
   * Before the job.
   * @returns the job as the connector gets it
   * @throws PluginError when a plugin refuses it, or fails and may not; the signal's reason
   */
  async before(): Promise<JobData> {
    for (const instance of this.#instances) {
      const given = structuredClone(this.#job);
      const changed = await this.#guarded(instance, () =>
        instance.run(
          'beforeJobProcess',
          async (plugin, signal) => {
            if (!plugin.beforeJobProcess) return given;
            return checked(
              await plugin.beforeJobProcess(given, { ...this.#context(), job: given, signal }),
              instance.name,
            );
          },
          this.#signal,
        ),
      );
      if (!changed) continue;
      const { payload, metadata, priority } = changed;
      this.#job = { ...this.#job, payload, metadata, priority };
      this.#passed.push(instance);
    }
    return this.#job;
  }

  /**
   * After a job that completed.
   * @returns the result as the plugins leave it
   * @throws PluginError when a plugin fails and may not; the others have been told that the attempt has failed
   */
  async completed(result: JobResult): Promise<JobResult> {
    let current = result;
    const waiting = this.#passed.splice(0);
    for (let instance = waiting.shift(); instance; instance = waiting.shift()) {
      try {
        current = (await this.#guarded(instance, () => this.#after(instance, current, 'completed'))) ?? current;
      } catch (error) {
        this.#passed.push(...waiting);
        await this.ended(error);
        throw error;
      }
    }
    return current;
  }

  /** After an attempt that ended otherwise. Never throws: the attempt has an error already. */
  async ended(error: unknown): Promise<void> {
    const stopped = this.#signal.aborted && (error as Partial<Error> | undefined)?.name !== 'RunTimeoutError';
    const outcome = stopped ? 'interrupted' : 'failed';
    const text = error instanceof Error ? error.message : String(error);
    const result: JobResult = { job_id: this.#job.id, status: 'failed', error: text };
    for (const instance of this.#passed.splice(0)) {
      try {
        await this.#after(instance, result, outcome, codeOf(error));
      } catch (failure) {
        this.#warn(instance, failure);
      }
    }
  }

  #after(
    instance: PluginInstance,
    result: JobResult,
    outcome: AttemptEnd['outcome'],
    code?: ErrorCode,
  ): Promise<JobResult> {
    return instance.run('afterJobProcess', async (plugin, signal) => {
      if (!plugin.afterJobProcess) return result;
      const durationMs = Math.round(performance.now() - this.#began);
      const job = structuredClone(this.#job);
      const end = { ...this.#context(), job, signal, outcome, code, durationMs };
      const answer = await plugin.afterJobProcess(copyOf(result), end);
      return outcome === 'completed' ? checkedResult(answer, result, instance.name) : result;
    });
  }

  /** @returns undefined when the plugin failed and the configuration lets the job go on */
  async #guarded<T>(instance: PluginInstance, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PluginError) || error.refusal || instance.configured.onFailure === 'fail') throw error;
      this.#warn(instance, error);
      return undefined;
    }
  }

  #warn(instance: PluginInstance, error: unknown): void {
    const { hook, code } = (error ?? {}) as Partial<PluginError>;
    this.#logger.warn({ err: error, plugin: instance.name, hook, code }, 'a plugin failed; the job goes on without it');
  }

  get #logger(): Logger {
    return this.#parts.logger;
  }

  #context(): PluginJobParts {
    return this.#parts;
  }
}

/** Results are JSON; what is not would not reach Temporal either. */
function copyOf(result: JobResult): JobResult {
  return JSON.parse(JSON.stringify(result)) as JobResult;
}

function checked(job: unknown, plugin: string): JobData {
  const { payload } = (job ?? {}) as Partial<JobData>;
  if (typeof payload === 'object' && payload !== null) return job as JobData;
  throw new PluginError(
    { plugin, hook: 'beforeJobProcess' },
    'internal',
    `The plugin "${plugin}" gave back no job from beforeJobProcess; it must return the job it was given, or a changed one`,
    { retryable: false },
  );
}

/** Whose result it is, and that it has completed, is not for a plugin to change. */
function checkedResult(answer: unknown, before: JobResult, plugin: string): JobResult {
  const { status, artifacts = [] } = (answer ?? {}) as Partial<JobResult>;
  const fine = Array.isArray(artifacts) && artifacts.every((ref) => typeof ref?.uri === 'string');
  if (status === 'completed' && fine) return { ...(answer as JobResult), job_id: before.job_id };
  throw new PluginError(
    { plugin, hook: 'afterJobProcess' },
    'internal',
    `The plugin "${plugin}" gave back no completed result from afterJobProcess; to fail the job it must throw a ConnectorError`,
    { retryable: false },
  );
}

function codeOf(error: unknown): ErrorCode | undefined {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (name === 'RunTimeoutError') return 'timeout';
  return isErrorCode(code) ? code : undefined;
}
