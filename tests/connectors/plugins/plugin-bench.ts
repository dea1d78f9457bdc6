import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { loadPlugins } from '../../../connectors/plugins/load-plugins.ts';
import { PluginHost } from '../../../connectors/plugins/plugin-host.ts';
import type { JobError } from '../../../contract/errors.ts';
import { jobErrorOf } from '../../../contract/job-error-details.ts';
import type { JobOutcome, PreparedJob } from '../../../contract/plan.ts';
import { JOBS_TASK_QUEUE } from '../../../contract/task-queues.ts';
import { createLogger } from '../../../platform/logging/create-logger.ts';
import type { Logger } from '../../../platform/logging/logger.ts';
import { planJob } from '../../../platform/routing/plan-job.ts';
import { InProcessStack, scriptedCatalog } from '../../harness/in-process-stack.ts';

const BUILT_IN = join(import.meta.dirname, '../../../connectors/plugins');
const catalog = scriptedCatalog({ first: { retry_initial_interval_seconds: 0.05, retry_attempts: 2 } });

/** Real jobs through real activities, with plugins from files that a test writes. */
export class PluginBench {
  readonly stack: InProcessStack;
  readonly logger: Logger;
  readonly #lines: string[];
  #host: PluginHost | undefined;
  #counter = 0;

  private constructor(stack: InProcessStack, logger: Logger, lines: string[]) {
    this.stack = stack;
    this.logger = logger;
    this.#lines = lines;
  }

  static async start(): Promise<PluginBench> {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const logger = createLogger({ level: 'debug', name: 'test', destination });
    const stack = await InProcessStack.start({ catalog, pools: [] });
    const bench = new PluginBench(stack, logger, lines);
    const plugins: Pick<PluginHost, 'begin'> = { begin: (...args) => (bench.#host as PluginHost).begin(...args) };
    await stack.startPool('first', { plugins, logger });
    return bench;
  }

  /** What has been logged since the test began. */
  get log(): Record<string, unknown>[] {
    return this.#lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  reset(): void {
    this.#lines.length = 0;
    this.stack.connector.begun.length = 0;
    this.stack.connector.script = async (job) => ({ said: job.payload['text'] ?? null });
  }

  /**
   * Puts plugins to use for the jobs that follow.
   * @param sources text of `<name>-plugin.mjs` by name
   */
  async use(folder: string, plugins: object[], sources: Record<string, string> = {}): Promise<PluginHost> {
    const configured = await configure(folder, plugins, sources);
    this.#host = new PluginHost(configured, folder, this.logger);
    return this.#host;
  }

  /** Runs a job to its end. */
  async run(payload: object = {}): Promise<{ id: string; outcome?: JobOutcome; error?: JobError }> {
    const { id, handle } = await this.start(payload);
    try {
      return { id, outcome: (await handle.result()) as JobOutcome };
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) throw error;
      const { cause } = error;
      if (!(cause instanceof ApplicationFailure)) throw error;
      return { id, error: jobErrorOf(cause.type, cause.message, cause.details?.[0]) };
    }
  }

  async start(payload: object) {
    const document = { service: 'scripted', payload };
    const { job, plan } = planJob(document, catalog, this.stack.planning, Date.now());
    const id = `plugins-${++this.#counter}`;
    const handle = await this.stack.client.workflow.start('job', {
      taskQueue: JOBS_TASK_QUEUE,
      workflowId: `job/${id}`,
      args: [job, { plan } satisfies PreparedJob],
    });
    return { id, handle };
  }
}

/** Loads plugins as a worker does: from files, by `plugins.json`. */
export async function configure(folder: string, plugins: object[], sources: Record<string, string> = {}) {
  const dir = join(folder, 'plugins');
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(dir, `${name}-plugin.mjs`), text);
  writeFileSync(join(folder, 'plugins.json'), JSON.stringify({ plugins }));
  return loadPlugins({
    configDir: folder,
    dirs: [BUILT_IN, dir],
    env: {},
    known: { services: ['scripted', 'openai-text'], connectors: ['ScriptedConnector'] },
  });
}

/** Text of a plugin with these methods, beside an `initialize` that does nothing. */
export function pluginSource(body: string): string {
  return `export class TestPlugin {
  name = 'test';
  version = '1';
  static options = { '~standard': { validate: (value) => ({ value }) } };
  constructor(options) { this.options = options; }
  async initialize() {}
  ${body}
}
`;
}
