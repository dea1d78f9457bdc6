import { afterEach, describe } from '@jest/globals';
import type { ConnectorInterface, JobResult, ProgressUpdate } from '../../../../connectors/contract/connector.ts';
import { contextFor, jobOf, type TestContext } from '../../harness.ts';

/** What a job at a real server gave. */
export interface RealOutcome {
  job: JobResult;
  result: Record<string, unknown>;
  /** What came by the live channel. */
  tokens: string[];
  reports: ProgressUpdate[];
  context: TestContext;
}

/** Runs a job with the environment of a worker. */
export type RunReal = (payload: Record<string, unknown>) => Promise<RealOutcome>;

/**
 * Tests against a real server, which are skipped unless it is named.
 * @param ready whether all variables are there
 * @param reason which ones are needed, and what it costs
 */
export function realServer(
  ready: boolean,
  reason: string,
  connectorClass: new () => ConnectorInterface,
  tests: (run: RunReal) => void,
): void {
  (ready ? describe : describe.skip)(`a real server${ready ? '' : ` (${reason})`}`, () => {
    const contexts: TestContext[] = [];
    afterEach(async () => {
      await Promise.all(contexts.splice(0).map((context) => context.remove()));
    });
    tests(async (payload) => {
      const connector = new connectorClass();
      const context = contextFor();
      contexts.push(context);
      const tokens: string[] = [];
      const reports: ProgressUpdate[] = [];
      const live = { token: (text: string) => void tokens.push(text), preview: () => {} };
      try {
        const job = await connector.processJob(
          jobOf(payload),
          (update) => void reports.push(update),
          Object.assign(context, { live }),
        );
        return { job, result: job.result as Record<string, unknown>, tokens, reports, context };
      } finally {
        await connector.cleanup();
      }
    });
  });
}
