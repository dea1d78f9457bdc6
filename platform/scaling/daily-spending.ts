import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { readJsonFile, writeJsonFile } from '../processes/json-file.ts';

interface Saved {
  /** `2026-01-31`, UTC. */
  day: string;
  /** By pool. */
  spent: Record<string, number>;
}

/** Between two writes of the file: what a crash may forget, at the most. Milliseconds. */
const SAVE_MS = 15_000;
/** A gap longer than this is not paid for: nobody knows what ran in it. Milliseconds. */
const LONGEST_STEP = 60_000;
const HOUR_MS = 3_600_000;

/** What the workers of each pool have cost since midnight UTC, kept over restarts in one small file. */
export class DailySpending {
  readonly #path: string;
  #saved: Saved;
  #savedAt = 0;
  readonly #lastAt = new Map<string, number>();

  constructor(path: string, now: number) {
    this.#path = path;
    const found = readJsonFile<Partial<Saved>>(path);
    this.#saved = { day: dayOf(now), spent: found?.day === dayOf(now) ? amountsOf(found.spent) : {} };
  }

  /**
   * Counts the time since the last call for this pool.
   * @param workers that are paid for, draining ones too
   * @returns spent today
   */
  add(pool: string, now: number, workers: number, costPerHour: number): number {
    if (dayOf(now) !== this.#saved.day) this.#saved = { day: dayOf(now), spent: {} };
    const step = Math.min(LONGEST_STEP, Math.max(0, now - (this.#lastAt.get(pool) ?? now)));
    this.#lastAt.set(pool, now);
    const spent = (this.#saved.spent[pool] ?? 0) + (step / HOUR_MS) * workers * costPerHour;
    this.#saved.spent[pool] = spent;
    return spent;
  }

  /** Writes the file when it is time. @throws Error when the disk takes nothing */
  save(now: number, always = false): void {
    if (!always && now - this.#savedAt < SAVE_MS) return;
    this.#savedAt = now;
    mkdirSync(dirname(this.#path), { recursive: true });
    writeJsonFile(this.#path, this.#saved);
  }
}

function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}

/** A damaged file must not stop the scaler, nor make a budget endless or spent for ever. */
function amountsOf(spent: unknown): Record<string, number> {
  if (typeof spent !== 'object' || spent === null) return {};
  return Object.fromEntries(Object.entries(spent).filter(([, value]) => Number.isFinite(value) && value >= 0));
}
