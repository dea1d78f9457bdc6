/** Weight of the newest tile once there are a few; before, all count alike. */
const NEWEST = 0.2;

/** Time per tile of this attempt, smoothed, and from it the time that is left. */
export class TileRate {
  #last: number;
  #count = 0;
  #msPerTile = 0;

  /** @param now milliseconds of a monotonic clock */
  constructor(now: number) {
    this.#last = now;
  }

  tileDone(now: number): void {
    this.#count++;
    this.#msPerTile += (now - this.#last - this.#msPerTile) * Math.max(NEWEST, 1 / this.#count);
    this.#last = now;
  }

  /** Milliseconds for that many tiles; undefined before the first one. */
  left(tiles: number): number | undefined {
    return this.#count === 0 ? undefined : Math.round(this.#msPerTile * tiles);
  }
}
