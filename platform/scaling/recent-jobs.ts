/** How many ended jobs tell of the present. */
const KEPT = 50;
/** Fewer say nothing of a rate. */
const ENOUGH = 5;

/** The latest jobs of a pool that ended: their mean time and how many succeeded. */
export class RecentJobs {
  readonly #jobs: { duration: number; succeeded: boolean }[] = [];
  #next = 0;

  /** @param job its time in milliseconds, without its wait */
  add(job: { duration: number; succeeded: boolean }): void {
    this.#jobs[this.#next] = job;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** Mean, milliseconds; undefined before the first. */
  get processingMs(): number | undefined {
    if (this.#jobs.length === 0) return undefined;
    return this.#jobs.reduce((sum, { duration }) => sum + duration, 0) / this.#jobs.length;
  }

  /** 0–1; undefined while too few have ended to tell. */
  get successRate(): number | undefined {
    if (this.#jobs.length < ENOUGH) return undefined;
    return this.#jobs.filter(({ succeeded }) => succeeded).length / this.#jobs.length;
  }
}
