import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './probe.ts';
import type { LivenessPlan } from './service-plan.ts';

export interface LivenessListener {
  /** It did not answer, for the n-th time in a row. */
  onFailure(reason: string, failures: number): void;
  /** It answers again. */
  onRecovery(): void;
  /** It failed too often in a row; the watch is over. */
  onHang(reason: string): void;
}

/** Asks a program every now and then whether it still answers, until `signal` aborts or it has failed too often. */
export async function watchLiveness(
  { probe, intervalMs, timeoutMs, failures }: LivenessPlan,
  host: string,
  listener: LivenessListener,
  signal: AbortSignal,
): Promise<void> {
  let failed = 0;
  for (;;) {
    await sleep(intervalMs, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
    const problem = await ask(probe, host, timeoutMs);
    if (signal.aborted) return;
    if (problem === undefined) {
      if (failed > 0) listener.onRecovery();
      failed = 0;
      continue;
    }
    failed++;
    listener.onFailure(problem, failed);
    if (failed < failures) continue;
    listener.onHang(`${problem}, ${failed} times in a row`);
    return;
  }
}
