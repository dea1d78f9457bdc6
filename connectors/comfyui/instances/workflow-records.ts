import { join } from 'node:path';
import { withFileLock } from '../../../platform/processes/file-lock.ts';
import { readOwnJson, versionOf, writePrivateJson } from './private-files.ts';
import { CONFIG_VERSION } from './versions.ts';

/** One workflow that came to its end on an instance. */
export interface WorkflowRecord {
  workflowId: string;
  promptId?: string;
  /** ISO 8601. */
  startedAt: string;
  /** Milliseconds. */
  durationMs: number;
  outcome: 'completed' | 'failed' | 'cancelled' | 'moved';
  error?: string;
}

/** A prompt that was left behind when its job went to another instance: it must not run once this one is back. */
export interface LeftPrompt {
  promptId: string;
  /** ISO 8601. */
  since: string;
}

interface Totals {
  totalWorkflows: number;
  successfulWorkflows: number;
  failedWorkflows: number;
  /** Of those that came to their end, together. */
  responseMs: number;
}

interface WorkflowsDocument {
  version: string;
  instanceId: string;
  totals: Totals;
  lastError?: string;
  history: WorkflowRecord[];
  left: LeftPrompt[];
}

const KEPT = 200;
const KEPT_LEFT = 200;
const NONE: Totals = { totalWorkflows: 0, successfulWorkflows: 0, failedWorkflows: 0, responseMs: 0 };

/**
 * `instance_<id>_workflows.json`: history and counts. Several processes add to it (the workers that run workflows, and
 * the machine): each adds what is new to it, under a lock.
 */
export class WorkflowRecords {
  readonly path: string;
  readonly #instanceId: string;
  #saved: WorkflowsDocument;
  #fresh: WorkflowRecord[] = [];
  #left: LeftPrompt[] = [];
  #cleared = new Set<string>();
  #version: string | undefined;
  #writing: Promise<void> = Promise.resolve();
  #removed = false;

  constructor(folder: string, instanceId: string) {
    this.#instanceId = instanceId;
    this.path = join(folder, `instance_${instanceId}_workflows.json`);
    this.#saved = this.#empty();
  }

  add(record: WorkflowRecord): void {
    this.#fresh.push(record);
  }

  leave(promptId: string): void {
    this.#left.push({ promptId, since: new Date().toISOString() });
    this.#cleared.delete(promptId);
  }

  cleared(promptId: string): void {
    this.#cleared.add(promptId);
  }

  get left(): string[] {
    const all = [...this.#saved.left, ...this.#left].map(({ promptId }) => promptId);
    return [...new Set(all)].filter((id) => !this.#cleared.has(id));
  }

  /** With what has not been written yet. */
  get totals(): Totals & { lastError?: string } {
    const { totals, lastError } = this.#merged();
    return { ...totals, ...(lastError === undefined ? {} : { lastError }) };
  }

  get history(): WorkflowRecord[] {
    return this.#merged().history;
  }

  /** Takes in what other processes have written, and writes what is new here. */
  save(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#save());
    return this.#writing;
  }

  /** It is about to be removed: nothing is written any more. */
  forget(): Promise<void> {
    this.#removed = true;
    return this.#writing;
  }

  async #save(): Promise<void> {
    if (this.#removed) return;
    if (this.#fresh.length + this.#left.length + this.#cleared.size === 0) return this.#read();
    await withFileLock(
      `${this.path}.lock`,
      () => {},
      async () => {
        await this.#read(true);
        const { length } = this.#fresh;
        const lefts = this.#left.length;
        const cleared = [...this.#cleared];
        const merged = this.#merged();
        await writePrivateJson(this.path, merged);
        this.#saved = merged;
        this.#fresh = this.#fresh.slice(length);
        this.#left = this.#left.slice(lefts);
        for (const id of cleared) this.#cleared.delete(id);
        this.#version = await versionOf(this.path);
      },
    );
  }

  async #read(always = false): Promise<void> {
    const version = await versionOf(this.path);
    if (!always && version === this.#version) return;
    const read = await readOwnJson<Partial<WorkflowsDocument>>(this.path);
    this.#saved = { ...this.#empty(), ...(Array.isArray(read?.history) && read.totals ? read : {}) };
    if (!Array.isArray(this.#saved.left)) this.#saved.left = [];
    this.#version = version;
  }

  #merged(): WorkflowsDocument {
    const { totals, history, lastError } = this.#saved;
    const left = this.left;
    const known = [...this.#saved.left, ...this.#left];
    const errors = this.#fresh.flatMap(({ error }) => error ?? []);
    const newest = errors.at(-1) ?? lastError;
    return {
      version: CONFIG_VERSION,
      instanceId: this.#instanceId,
      totals: this.#fresh.reduce(addTo, totals),
      ...(newest === undefined ? {} : { lastError: newest }),
      history: [...history, ...this.#fresh].slice(-KEPT),
      left: left.map((id) => known.findLast(({ promptId }) => promptId === id)!).slice(-KEPT_LEFT),
    };
  }

  #empty(): WorkflowsDocument {
    return { version: CONFIG_VERSION, instanceId: this.#instanceId, totals: NONE, history: [], left: [] };
  }
}

/** What went elsewhere is counted where it ends. */
function addTo(totals: Totals, { outcome, durationMs }: WorkflowRecord): Totals {
  if (outcome === 'moved') return totals;
  const ended = outcome === 'cancelled' ? 0 : durationMs;
  return {
    totalWorkflows: totals.totalWorkflows + 1,
    successfulWorkflows: totals.successfulWorkflows + (outcome === 'completed' ? 1 : 0),
    failedWorkflows: totals.failedWorkflows + (outcome === 'failed' ? 1 : 0),
    responseMs: totals.responseMs + ended,
  };
}
