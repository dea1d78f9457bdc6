import { ConnectorError } from '../contract/connector-error.ts';
import type { JobContext } from '../contract/job-context.ts';
import { pause } from '../http/backoff.ts';
import type { A1111Client } from './a1111-client.ts';
import type { RunReport } from './run-report.ts';
import type { A1111Settings } from './settings.ts';
import { isTask, lookAt, type TaskState } from './task-state.ts';

export interface WatchDeps {
  client: A1111Client;
  settings: A1111Settings;
  context: JobContext;
  report: RunReport;
}

/**
 * Looks at a task again and again, and tells what it sees: place, progress, previews. The answer itself comes over
 * another connection, which says nothing until the end; so this is also what notices a server that is gone.
 */
export class TaskWatch {
  readonly #deps: WatchDeps;
  readonly #taskId: string;
  #lastPreview = -1;
  #seenSince: number | undefined;

  constructor(taskId: string, deps: WatchDeps) {
    this.#taskId = taskId;
    this.#deps = deps;
  }

  /**
   * Goes on until `until` says enough.
   * @param until gets each state, and for how many milliseconds the task has been in that place
   * @throws ConnectorError when the server leaves looks unanswered for the time of an outage; the signal's reason on abort
   */
  async watch(until: (state: TaskState, forMs: number) => boolean, signal: AbortSignal): Promise<TaskState> {
    const { settings, report } = this.#deps;
    let answeredAt = performance.now();
    let before: TaskState | undefined;
    for (;;) {
      try {
        const state = await this.#look(signal);
        answeredAt = performance.now();
        if (state.place !== before?.place) this.#seenSince = answeredAt;
        before = state;
        report.state(state);
        if (until(state, answeredAt - (this.#seenSince ?? answeredAt))) return state;
      } catch (error) {
        signal.throwIfAborted();
        this.#endIfAway(error, performance.now() - answeredAt);
      }
      await pause(settings.poll_seconds * 1_000, signal);
    }
  }

  async #look(signal: AbortSignal): Promise<TaskState> {
    const { client, settings, context } = this.#deps;
    if (!isTask(this.#taskId)) {
      const { idle, progress, etaMs, text } = await client.progress(signal);
      return { place: idle ? 'unknown' : 'active', progress: idle ? 0 : progress, etaMs, text };
    }
    const wanted = settings.previews && context.live ? this.#lastPreview : undefined;
    const state = await lookAt(client, this.#taskId, signal, wanted);
    if (state.preview && state.preview.id !== this.#lastPreview) {
      this.#lastPreview = state.preview.id;
      context.live?.preview(state.preview.bytes, state.preview.mime, this.#deps.report.nextPreview());
    }
    return state;
  }

  #endIfAway(error: unknown, forMs: number): void {
    if (!(error instanceof ConnectorError) || error.code === 'authentication') throw error;
    const { outage_seconds } = this.#deps.settings;
    if (forMs < outage_seconds * 1_000) return;
    const seconds = Math.round(forMs / 1_000);
    throw new ConnectorError(
      error.code === 'timeout' ? 'timeout' : 'service_unavailable',
      `Automatic1111 has not answered for ${seconds} s: ${error.message}`,
      { cause: error },
    );
  }
}
