import type { SimulationPayload } from './payload.schema.ts';

/**
 * When a share of the work is done, as a share of the time.
 * @param done 0–1
 */
export function momentOf(curve: SimulationPayload['progress_curve'], done: number): number {
  switch (curve) {
    case 'linear':
      return done;
    case 'stall':
      // 60 % in the first fifth of the time, then nothing, and the rest in the last tenth.
      return done <= 0.6 ? done / 3 : 0.9 + (done - 0.6) / 4;
    case 'burst':
      return Math.ceil(done * 4) / 4;
  }
}
