/**
 * A signal that follows another one with a delay, so that what is under way may end by itself: a submission whose answer
 * brings the id that is needed to cancel it.
 * @param graceMs between the two. Milliseconds
 */
export function patientSignal(
  signal: AbortSignal | undefined,
  graceMs: number,
): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    timer = setTimeout(() => controller.abort(signal?.reason), graceMs);
  };
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    dispose() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
