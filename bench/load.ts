/** Runs `count` pieces of work, `width` at a time. @returns each one's time, and the whole, in milliseconds */
export async function runLoad(
  count: number,
  width: number,
  work: (index: number) => Promise<unknown>,
): Promise<{ each: number[]; total: number }> {
  const each: number[] = [];
  let next = 0;
  const started = performance.now();
  const lane = async () => {
    for (let index = next++; index < count; index = next++) {
      const at = performance.now();
      await work(index);
      each.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return { each, total: performance.now() - started };
}
