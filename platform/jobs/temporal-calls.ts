import type { Client } from '@temporalio/client';

/** gRPC status codes (https://grpc.io/docs/guides/status-codes/). */
const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
const ABORTED = 10;
const UNAVAILABLE = 14;

/** Temporal did not answer, or answered that it cannot: nothing is known about the outcome of a write. */
export class TemporalUnavailableError extends Error {
  override readonly name = 'TemporalUnavailableError';
}

/** Temporal asks to be left alone for a moment (rate limits of the namespace). */
export class TemporalBusyError extends Error {
  override readonly name = 'TemporalBusyError';
}

/**
 * One call to Temporal that ends in time. The deadline of the client alone does not bound it: a native connection
 * retries behind it for ten seconds and more. A write that loses the race may still be carried out.
 * @param ms longest wait, milliseconds
 * @throws TemporalUnavailableError, TemporalBusyError, or the call's own error
 */
export async function bounded<T>(client: Client, ms: number, call: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TemporalUnavailableError(`Temporal did not answer within ${ms / 1_000} s`)),
      ms,
    );
  });
  try {
    const answer = client.withDeadline(Date.now() + ms, call);
    // When the deadline wins, the late refusal has nobody left to hear it.
    answer.catch(() => undefined);
    return await Promise.race([answer, late]);
  } catch (error) {
    throw translated(error);
  } finally {
    clearTimeout(timer);
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
  switch (grpcCodeOf(error)) {
    case UNAVAILABLE:
    case DEADLINE_EXCEEDED:
    // The native connection reports its own time-out as a cancelled call.
    case CANCELLED:
    case ABORTED:
      return new TemporalUnavailableError(`Temporal cannot be reached: ${(error as Error).message}`, { cause: error });
    case RESOURCE_EXHAUSTED:
      return new TemporalBusyError(`Temporal is busy: ${(error as Error).message}`, { cause: error });
    default:
      return error;
  }
}
