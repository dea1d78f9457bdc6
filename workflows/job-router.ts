import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { formatDuration } from '../contract/duration.ts';
import type { JobAmendment } from '../contract/job-amendment.ts';
import type { JobPlan, Route } from '../contract/plan.ts';
import { readProgress, type ProgressDocument } from '../contract/progress.ts';

/** Longest wait on one route once a job has gone round all of them several times. */
const MAX_SPILL_MS = 3_600_000;

/** Where the job goes next, and how long it may wait and take there. Milliseconds. */
export interface RouteStep {
  route: Route;
  scheduleToStartTimeout?: number;
  scheduleToCloseTimeout?: number;
  inherited?: ProgressDocument;
  /** For the Temporal Web UI. */
  detail: string;
}

/**
 * Decides the route of each try. Pure but for its own fields; time is handed in.
 *
 * With alternatives a job goes round: a queue whose workers come back later must not be left for good. Each round waits
 * twice as long, so that a week of waiting stays a short history.
 */
export class JobRouter {
  readonly #plan: JobPlan;
  #routes: readonly Route[];
  #deadline: number | undefined;
  readonly #createdAt: number;
  #index = 0;
  #round = 0;
  #inherited: ProgressDocument | undefined;

  constructor(plan: JobPlan, deadline: string | undefined, createdAt: number) {
    this.#plan = plan;
    this.#routes = plan.routes;
    this.#deadline = deadline === undefined ? undefined : Date.parse(deadline);
    this.#createdAt = createdAt;
  }

  /** For the steps after the present one. */
  amend({ deadline, route }: JobAmendment): void {
    if (deadline !== undefined) this.#deadline = deadline === null ? undefined : Date.parse(deadline);
    if (route === undefined) return;
    this.#routes = [route];
    this.#index = 0;
  }

  /** @throws ApplicationFailure `timeout` when the deadline or the start time-out has passed */
  step(now: number): RouteStep {
    const route = this.#routes[this.#index]!;
    const startLeft = this.#startTimeLeft(now);
    if (startLeft !== undefined && startLeft <= 0) throw this.#notStarted();
    const closeLeft = this.#deadline === undefined ? undefined : this.#deadline - now;
    if (closeLeft !== undefined && closeLeft <= 0) throw timedOut('The deadline passed before the job was done');
    const spill = this.#spillAfter();
    const waits = [startLeft, spill].filter((ms) => ms !== undefined);
    return {
      route,
      scheduleToStartTimeout: waits.length > 0 ? Math.min(...waits) : undefined,
      scheduleToCloseTimeout: closeLeft,
      inherited: this.#inherited,
      detail: spill === undefined ? '' : `, next route after ${formatDuration(spill)} of waiting`,
    };
  }

  /**
   * Takes note of a failed try.
   * @returns true when the job only waited in vain and has another way to go
   */
  spilled(error: unknown, now: number): boolean {
    const cause = error instanceof ActivityFailure ? error.cause : undefined;
    if (!(cause instanceof TimeoutFailure) || cause.timeoutType !== 'SCHEDULE_TO_START') return false;
    // The server hands no heartbeat on to another activity: this is where the checkpoint would be lost.
    this.#inherited = readProgress(cause.lastHeartbeatDetails) ?? this.#inherited;
    const startLeft = this.#startTimeLeft(now);
    if (startLeft !== undefined && startLeft <= 0) throw this.#notStarted();
    this.#next();
    return true;
  }

  #next(): void {
    this.#index = (this.#index + 1) % this.#routes.length;
    if (this.#index !== 0) return;
    this.#round += 1;
    // Jobs are sent to a loaded model once; after that any worker is as good.
    this.#routes = this.#routes.filter(({ once }) => !once);
  }

  #spillAfter(): number | undefined {
    const present = this.#routes[this.#index]!;
    const others = this.#routes.filter(({ once }) => !once);
    if (present.stay || (others.length < 2 && !present.once)) return undefined;
    const base = present.spill_after_ms ?? others[0]!.spill_after_ms;
    return base === undefined ? undefined : Math.min(base * 2 ** this.#round, MAX_SPILL_MS);
  }

  #startTimeLeft(now: number): number | undefined {
    // A job that has run before only waits for another worker; its start time-out has been met.
    if (this.#plan.start_timeout_ms === undefined || this.#inherited) return undefined;
    return this.#createdAt + this.#plan.start_timeout_ms - now;
  }

  #notStarted(): ApplicationFailure {
    const queues = this.#routes.map((route) => route.task_queue).join(', ');
    const waited = formatDuration(this.#plan.start_timeout_ms ?? 0);
    return timedOut(`No worker took the job within its start_timeout of ${waited} (queues: ${queues})`);
  }
}

function timedOut(message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'timeout', message, nonRetryable: true, details: [{ timed_out: true }] });
}
