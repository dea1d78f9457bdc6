import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';

/** gRPC status codes (https://grpc.io/docs/guides/status-codes/). */
const CANCELLED = 1;
const UNKNOWN = 2;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
const ABORTED = 10;
const INTERNAL = 13;
const UNAVAILABLE = 14;

/** Temporal did not answer, or answered that it cannot: nothing is known about the outcome of a write. */
export class TemporalUnavailableError extends Error {
  override readonly name = 'TemporalUnavailableError';
}

/** Temporal asks to be left alone for a moment (rate limits of the namespace). */
export class TemporalBusyError extends Error {
  override readonly name = 'TemporalBusyError';
}

/** Pause before the first retry of a call, milliseconds; doubles up to the second. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 500;

/**
 * One call to Temporal that ends in time, retried until then while the server cannot be reached or is busy. The
 * client's deadline alone does not bound it: a native connection retries behind it for ten seconds and more. A write
 * that loses the race may still be carried out.
 * @param ms longest wait, milliseconds
 * @param signal gives up at once
 * @throws TemporalUnavailableError, TemporalBusyError, or the call's own error
 */
export async function bounded<T>(client: Client, ms: number, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const deadline = performance.now() + ms;
  const late = () => new TemporalUnavailableError(`Temporal did not answer within ${Math.round(ms / 100) / 10} s`);
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
    try {
      return await once(client, deadline - performance.now(), late, call, signal);
    } catch (error) {
      const failure = translated(error);
      const passes = failure instanceof TemporalUnavailableError || failure instanceof TemporalBusyError;
      if (!passes || signal?.aborted || performance.now() + pause >= deadline) throw failure;
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** One try. Its time-out or abort wins over a call that cannot be stopped. */
async function once<T>(
  client: Client,
  ms: number,
  late: () => Error,
  call: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const stop = new AbortController();
  let give: (error: Error) => void = () => undefined;
  const lost = new Promise<never>((_, reject) => {
    give = (error) => {
      reject(error);
      stop.abort(error);
    };
  });
  const timer = setTimeout(() => give(late()), ms);
  const onAbort = () => give(new TemporalUnavailableError('Given up'));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    const answer = client.withDeadline(Date.now() + ms, () => client.withAbortSignal(stop.signal, call));
    // When the race is lost the late refusal has nobody left to hear it.
    answer.catch(() => undefined);
    return await Promise.race([answer, lost]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** gRPC status of an error of the SDK, of its cause, or undefined. */
export function grpcCodeOf(error: unknown): number | undefined {
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    const { code } = e as { code?: unknown };
    if (typeof code === 'number') return code;
  }
  return undefined;
}

export function isNotFound(error: unknown): boolean {
  return grpcCodeOf(error) === NOT_FOUND;
}

function translated(error: unknown): unknown {
  if (error instanceof TemporalUnavailableError || error instanceof TemporalBusyError) return error;
  switch (grpcCodeOf(error)) {
    case UNAVAILABLE:
    case DEADLINE_EXCEEDED:
    // The native connection reports its own time-out as a cancelled call.
    case CANCELLED:
    case ABORTED:
    // What a server that dies in mid-call leaves behind.
    case UNKNOWN:
      return new TemporalUnavailableError(`Temporal cannot be reached: ${(error as Error).message}`, { cause: error });
    case INTERNAL:
      return /RST_STREAM|without gRPC status/i.test((error as Error).message)
        ? new TemporalUnavailableError('The connection to Temporal broke off', { cause: error })
        : error;
    case RESOURCE_EXHAUSTED:
      return new TemporalBusyError(`Temporal is busy: ${(error as Error).message}`, { cause: error });
    default:
      return error;
  }
}
