import type { ErrorCode } from '../../contract/errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ProgressCallback } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { Chance } from './chance.ts';
import type { SimulationPayload } from './payload.schema.ts';
import { momentOf } from './progress-curve.ts';
import { hang, waitUntil } from './wait.ts';

/** What one attempt is going to do. */
export interface Work {
  jobId: string;
  attempt: number;
  payload: SimulationPayload;
  chance: Chance;
  /** Of all steps together. Milliseconds. */
  duration: number;
  /** How this attempt fails, if it does. */
  failure: ErrorCode | undefined;
  /** Undefined when cancels are to be ignored. */
  signal: AbortSignal | undefined;
}

export function simulatedFailure(work: Work, code: ErrorCode): ConnectorError {
  return new ConnectorError(code, `Simulated failure of attempt ${work.attempt} (${code})`, {
    retry_after_ms: work.payload.retry_after,
  });
}

/** Works step by step by the clock; with checkpoints, from where the last attempt stopped. */
export async function runSteps(work: Work, report: ProgressCallback, context: JobContext | undefined) {
  const { payload, duration, signal } = work;
  const { steps, progress_curve: curve } = payload;
  const first = payload.checkpoints ? stepOf(context?.checkpoint, steps) : 0;
  const begin = performance.now() - momentOf(curve, first / steps) * duration;
  const failAfter = work.failure === undefined ? undefined : Math.max(first, Math.floor(payload.failure_at * steps));
  const hangAfter = payload.hang === false ? undefined : Math.max(first, Math.floor(steps / 2));
  for (let step = first; ; step++) {
    if (step === hangAfter) await hang(payload.hang === 'hard' ? undefined : signal);
    if (step === failAfter && work.failure) throw simulatedFailure(work, work.failure);
    if (step === steps) break;
    await waitUntil(begin + momentOf(curve, (step + 1) / steps) * duration, signal);
    await report({
      job_id: work.jobId,
      progress: ((step + 1) / steps) * 100,
      message: `step ${step + 1} of ${steps}`,
      current_step: step + 1,
      total_steps: steps,
      estimated_completion_ms: step + 1 === steps ? 0 : Math.max(0, Math.round(begin + duration - performance.now())),
    });
    if (payload.checkpoints) await context?.saveCheckpoint({ step: step + 1 });
  }
  return { attempt: work.attempt, duration_ms: duration, steps, resumed_from_step: first };
}

function stepOf(checkpoint: unknown, steps: number): number {
  const step = (checkpoint as { step?: unknown } | undefined)?.step;
  return typeof step === 'number' && step >= 0 && step <= steps ? Math.floor(step) : 0;
}
