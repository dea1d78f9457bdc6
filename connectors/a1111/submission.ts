import { untilAborted } from '../base/running-jobs.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { goesOnElsewhere } from '../contract/stop-cause.ts';
import type { WorkRoute } from './a1111-client.ts';
import { TaskWatch, type WatchDeps } from './watch-task.ts';

/** One request that makes pictures, on its way; the server answers it when they are made. */
export class Submission {
  readonly taskId: string;
  readonly answer: Promise<unknown>;
  readonly #deps: WatchDeps;
  readonly #hangUp = new AbortController();

  /** Sends it. Not bound to the job's signal: hanging up stops nothing at the server. */
  constructor(taskId: string, route: WorkRoute, body: unknown, deps: WatchDeps) {
    this.taskId = taskId;
    this.#deps = deps;
    const timeout = deps.settings.generation_seconds * 1_000;
    this.answer = deps.client.work(route, body, timeout, this.#hangUp.signal);
    this.answer.catch(() => {});
  }

  /** Nobody waits for the answer any more. */
  hangUp(): void {
    this.#hangUp.abort(new ConnectorError('cancelled', 'nobody waits for this answer any more'));
  }

  /**
   * The answer, with the progress told meanwhile.
   * @throws whatever the request fails with; ConnectorError when the server is gone, or says that it is done and does
   * not answer; the signal's reason on abort, at once
   */
  async outcome(): Promise<unknown> {
    const { context } = this.#deps;
    const over = new AbortController();
    const watching = this.#watch(AbortSignal.any([context.signal, over.signal]));
    watching.catch(() => {});
    try {
      return await untilAborted(Promise.race([this.answer, watching]), context.signal);
    } catch (error) {
      // A cancelled job needs the connection: it tells whether the task may yet come up.
      if (!context.signal.aborted || goesOnElsewhere(context.signal)) this.hangUp();
      throw error;
    } finally {
      over.abort();
    }
  }

  async #watch(signal: AbortSignal): Promise<never> {
    const { settings } = this.#deps;
    const overdue = settings.answer_seconds * 1_000;
    await new TaskWatch(this.taskId, this.#deps).watch(
      ({ place }, forMs) => place === 'finished' && forMs > overdue,
      signal,
    );
    throw new AnswerOverdueError(settings.answer_seconds);
  }
}

/** The server calls the task finished, and its answer does not come: it never will (seen under load, issue 14908). */
export class AnswerOverdueError extends ConnectorError {
  constructor(seconds: number) {
    super('service_unavailable', `Automatic1111 has finished the task, but has not answered within ${seconds} s`);
  }
}
