/**
 * Whether a Python exception of a backend means that memory ran out. PyTorch has no type of its own for every device:
 * the message of its allocator is the only sign there.
 */
export function isOutOfMemory(type: string, message: string): boolean {
  return (
    /OutOfMemory|OOM/.test(type) ||
    /out of memory|^Allocation on device|can't allocate memory|not enough memory/i.test(message)
  );
}
