import { hostname } from 'node:os';
import { type KeptProcess, keepRunning, type LifeEvent } from '../../platform/processes/keep-running.ts';
import type { LiveNodeProcess } from '../../platform/processes/node-process.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import type { PresentProcess } from '../../platform/scaling/pool-observer.ts';
import type { OwnWorkers, ScalingDriver, ScalingOrder } from './driver.ts';

export interface LocalDriverOptions {
  /** Starts a worker process of the pool that understands `{type: 'drain'}`. */
  launch: (pool: string, name: string) => Promise<LiveNodeProcess>;
  /** How long a worker of the pool may drain before its jobs are handed on. Milliseconds. */
  drainMs: (pool: string) => number;
  /** How long a worker that is asked to leave lets its jobs go on. Milliseconds. */
  graceMs: number;
  /** Who runs how much now: the idlest worker is the first to go. */
  processes: (pool: string) => readonly PresentProcess[];
  logger: Logger;
}

interface LocalWorker {
  name: string;
  state: 'starting' | 'ready' | 'draining';
  kept: KeptProcess;
  live: LiveNodeProcess | undefined;
  /** Process that has been asked to leave. */
  signalled?: number;
  /** Hurries a drain that lasts too long. */
  limit?: NodeJS.Timeout;
}

/** On top of the grace a leaving worker gives its jobs. Milliseconds. */
const LEAVE_MS = 6_000;
/** Pause after a worker that could not be brought up. Milliseconds. */
const BLOCKED_MS = 60_000;
/** setTimeout takes 31 bits. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Worker processes beside the scaler, which end with it. */
export class LocalDriver implements ScalingDriver {
  readonly #options: LocalDriverOptions;
  readonly #pools = new Map<string, Map<string, LocalWorker>>();
  readonly #problems = new Map<string, { message: string; until: number }>();
  readonly #leaving = new Set<Promise<void>>();
  #closing = false;

  constructor(options: LocalDriverOptions) {
    this.#options = options;
  }

  own(pool: string): OwnWorkers {
    const workers = [...this.#workers(pool).values()];
    const count = (state: LocalWorker['state']) => workers.filter((worker) => worker.state === state).length;
    return {
      ready: count('ready'),
      starting: count('starting'),
      draining: count('draining'),
      pids: new Set(workers.flatMap(({ live }) => live?.pid ?? [])),
    };
  }

  awaited(): number {
    return 0;
  }

  order({ pool, workers }: ScalingOrder): void {
    if (this.#closing) return;
    const active = [...this.#workers(pool).values()].filter(({ state }) => state !== 'draining');
    if (active.length > workers) {
      for (const worker of this.#idlestFirst(pool, active).slice(0, active.length - workers)) this.#drain(pool, worker);
    }
    if (this.problem(pool) !== undefined) return;
    for (let missing = workers - active.length; missing > 0; missing--) this.#start(pool);
  }

  problem(pool: string): string | undefined {
    const problem = this.#problems.get(pool);
    return problem && problem.until > Date.now() ? problem.message : undefined;
  }

  async close(): Promise<void> {
    this.#closing = true;
    const workers = [...this.#pools.values()].flatMap((pool) => [...pool.values()]);
    for (const worker of workers) clearTimeout(worker.limit);
    await Promise.all(workers.map(({ kept }) => kept.stop(this.#options.graceMs + LEAVE_MS)));
    await Promise.all(this.#leaving);
  }

  #workers(pool: string): Map<string, LocalWorker> {
    const workers = this.#pools.get(pool) ?? new Map<string, LocalWorker>();
    this.#pools.set(pool, workers);
    return workers;
  }

  #start(pool: string): void {
    const taken = this.#workers(pool);
    let number = 1;
    while (taken.has(`${pool}-${number}`)) number++;
    const name = `${pool}-${number}`;
    const { logger, launch } = this.#options;
    const worker: LocalWorker = {
      name,
      state: 'starting',
      live: undefined,
      kept: keepRunning({
        launch: async () => {
          const live = await launch(pool, name);
          worker.live = live;
          return { ...live, askToStop: () => this.#leave(worker, live) };
        },
        onEvent: (event) => this.#onEvent(pool, worker, event),
      }),
    };
    worker.kept.firstReady.catch(() => {});
    this.#workers(pool).set(name, worker);
    logger.info({ pool, worker: name }, 'worker ordered');
  }

  /** A worker that drains is told so; one that must go is signalled, once: a second signal would end it with its jobs. */
  #leave(worker: LocalWorker, live: LiveNodeProcess): void {
    if (worker.state === 'draining' && !this.#closing) return live.tell({ type: 'drain' });
    if (worker.signalled === live.pid) return;
    worker.signalled = live.pid;
    live.askToStop();
  }

  #onEvent(pool: string, worker: LocalWorker, event: LifeEvent): void {
    const { logger } = this.#options;
    switch (event.type) {
      case 'ready':
        if (worker.state === 'starting') worker.state = 'ready';
        logger.info({ pool, worker: worker.name, pid: event.pid }, 'worker ready');
        break;
      case 'gone':
        worker.live = undefined;
        if (worker.state !== 'draining') worker.state = 'starting';
        logger.warn({ pool, worker: worker.name, why: event.why, last_words: event.lastWords }, 'worker gone');
        if (event.restartInMs === undefined) this.#giveUp(pool, worker, event.why, event.lastWords);
        break;
      default:
    }
  }

  #giveUp(pool: string, worker: LocalWorker, why: string, lastWords: readonly string[]): void {
    this.#workers(pool).delete(worker.name);
    const said = lastWords.length > 0 ? `; its last words: ${lastWords.join(' ').slice(0, 300)}` : '';
    this.#problems.set(pool, {
      message: `a worker could not be started: it ${why}${said}`,
      until: Date.now() + BLOCKED_MS,
    });
  }

  #drain(pool: string, worker: LocalWorker): void {
    const { drainMs, graceMs, logger } = this.#options;
    worker.state = 'draining';
    const limit = Math.min(drainMs(pool), LONGEST_TIMER - graceMs - LEAVE_MS);
    worker.limit = setTimeout(() => {
      if (!worker.live) return;
      worker.signalled = worker.live.pid;
      worker.live.askToStop();
    }, limit);
    logger.info({ pool, worker: worker.name, pid: worker.live?.pid }, 'worker drains: no new jobs');
    const gone = worker.kept.stop(limit + graceMs + LEAVE_MS).then(() => {
      clearTimeout(worker.limit);
      this.#workers(pool).delete(worker.name);
      this.#leaving.delete(gone);
      logger.info({ pool, worker: worker.name }, 'worker drained and ended');
    });
    this.#leaving.add(gone);
  }

  #idlestFirst(pool: string, workers: LocalWorker[]): LocalWorker[] {
    const running = new Map(
      this.#options
        .processes(pool)
        .filter(({ host }) => host === hostname())
        .map((process) => [Number(process.process_id), process.running]),
    );
    const load = ({ state, live }: LocalWorker) => (state === 'ready' ? (running.get(live?.pid ?? 0) ?? 0) : -1);
    // Of equally idle ones the newest goes.
    return workers.toReversed().toSorted((a, b) => load(a) - load(b));
  }
}
