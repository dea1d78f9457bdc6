/**
 * The ways in which V8, a WebAssembly memory, a worker thread and libvips say that memory is short. None of them has a
 * code of its own but the thread.
 */
const SIGNS =
  /out of memory|\bOOM\b|ERR_WORKER_OUT_OF_MEMORY|allocation failed|enlarge memory|maximum memory size|invalid (?:typed )?array (?:buffer )?length/i;

export function isOutOfMemory(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return SIGNS.test(`${String(code)} ${String(message)}`);
}
