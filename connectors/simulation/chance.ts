/** Numbers from 0 to below 1. */
export type Chance = () => number;

/**
 * Chance that repeats itself for the same seed and attempt (mulberry32), or real chance without a seed. Attempts
 * differ, so that a retry may fare better.
 */
export function chanceOf(seed: number | undefined, attempt: number): Chance {
  if (seed === undefined) return Math.random;
  let state = (Math.imul(seed ^ (seed / 2 ** 32), 0x9e3779b1) + Math.imul(attempt, 0x85ebca6b)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
