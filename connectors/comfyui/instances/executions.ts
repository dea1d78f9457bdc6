import { untilAborted } from '../../base/running-jobs.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { ComfyClient } from '../comfy-client.ts';
import { InstanceLostError } from './instance-lost.ts';
import type { WorkflowRecord } from './workflow-records.ts';

/** One workflow on an instance, as the work itself sees it. */
export interface Execution {
  /** Aborted when the caller gives up, the time is over, or the instance goes away; throw its reason then. */
  readonly signal: AbortSignal;
  /** Tells which prompt it became, so that the instance does not count it as somebody else's. */
  tracked(promptId: string): void;
}

export type InstanceOperation<T> = (client: ComfyClient, execution: Execution) => Promise<T>;

export interface ExecuteOptions {
  /** Of the caller. */
  signal?: AbortSignal;
  /** For the history, e.g. the id of the job. */
  workflowId?: string;
}

interface ExecutionsDeps {
  instanceId: string;
  limits(): { most: number; timeoutMs: number };
  client(): ComfyClient;
  /** How a workflow ended; `blame`: an error that says something of the instance. */
  ended(record: WorkflowRecord, blame: string | undefined): void;
  changed(): void;
}

/** Own prompts that ended a while ago may still be seen in a queue that was read before. */
const REMEMBERED = 200;
/** What is wrong with a workflow, not with the instance that runs it. */
const OF_THE_WORKFLOW = new Set(['validation', 'content_policy', 'missing_node', 'missing_model', 'not_found', 'payload_too_large', 'output_too_large', 'conflict', 'cancelled']); // biome-ignore format: a list

/** The workflows that run on one instance: so many at a time, the others wait in the order they came. */
export class Executions {
  readonly #deps: ExecutionsDeps;
  readonly #waiting: (() => void)[] = [];
  readonly #prompts: string[] = [];
  #active = 0;
  #count = 0;
  #life = new AbortController();

  constructor(deps: ExecutionsDeps) {
    this.#deps = deps;
  }

  /** Now, those that wait for a place not counted. */
  get active(): number {
    return this.#active;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  isOwn(promptId: string): boolean {
    return this.#prompts.includes(promptId);
  }

  /** Ends all that run and wait; later ones belong to the instance's next life. */
  end(reason: InstanceLostError): void {
    this.#life.abort(reason);
    this.#life = new AbortController();
  }

  /** The limit may have changed. */
  wake(): void {
    while (this.#active < this.#deps.limits().most && this.#waiting.length > 0) this.#waiting.shift()!();
  }

  /** Takes its place at once when one is free: two callers in a row see each other. */
  async run<T>(operation: InstanceOperation<T>, { signal, workflowId }: ExecuteOptions): Promise<T> {
    const life = this.#life.signal;
    const stops = signal ? [signal, life] : [life];
    if (this.#active < this.#deps.limits().most) this.#active += 1;
    else await this.#wait(AbortSignal.any(stops));
    this.#deps.changed();
    const started = performance.now();
    const record = {
      workflowId: workflowId ?? `workflow_${Date.now()}_${++this.#count}`,
      startedAt: new Date().toISOString(),
    };
    let promptId: string | undefined;
    const { timeoutMs } = this.#deps.limits();
    const overdue = new AbortController();
    const timer = setTimeout(() => overdue.abort(this.#overdue(record.workflowId, timeoutMs)), timeoutMs);
    const within = AbortSignal.any([...stops, overdue.signal]);
    const tracked = (id: string) => {
      promptId = id;
      this.#prompts.push(id);
      if (this.#prompts.length > REMEMBERED) this.#prompts.shift();
    };
    const end = (outcome: WorkflowRecord['outcome'], error?: unknown) => {
      const durationMs = Math.round(performance.now() - started);
      const message = error === undefined ? {} : { error: String((error as Error).message).slice(0, 500) };
      const prompt = promptId === undefined ? {} : { promptId };
      this.#deps.ended({ ...record, ...prompt, durationMs, outcome, ...message }, blameOf(outcome, error));
    };
    try {
      within.throwIfAborted();
      const work = operation(this.#deps.client(), { signal: within, tracked });
      const result = await untilAborted(work, within);
      end('completed');
      return result;
    } catch (error) {
      if (error instanceof InstanceLostError) end('moved', error);
      else if (signal?.aborted) end('cancelled', error);
      else end('failed', error);
      throw error;
    } finally {
      clearTimeout(timer);
      this.#active -= 1;
      this.wake();
      this.#deps.changed();
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', onAbort);
        this.#active += 1;
        resolve();
      };
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(signal.reason as Error);
      };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(go);
    });
  }

  #overdue(workflowId: string, timeoutMs: number): ConnectorError {
    return new ConnectorError(
      'timeout',
      `${workflowId} did not end on ${this.#deps.instanceId} within ${timeoutMs / 1_000} s; raise timeoutMs of the instance if it needs longer`,
    );
  }
}

function blameOf(outcome: WorkflowRecord['outcome'], error: unknown): string | undefined {
  if (outcome !== 'failed') return undefined;
  if (error instanceof ConnectorError && OF_THE_WORKFLOW.has(error.code)) return undefined;
  return String((error as Error).message);
}
