import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** In words why it was ended, when whoever watched it ended it. */
  why?: string;
}

/** What a process said when it was ready, e.g. `{url: 'http://…'}`. */
export type ReadyFacts = Record<string, unknown>;

/** One life of a process. */
export interface LiveProcess {
  readonly pid: number;
  /** Settles when it is ready; never when it dies before. */
  readonly ready: Promise<ReadyFacts>;
  readonly exited: Promise<ProcessExit>;
  /** Asks it to leave. */
  askToStop(): void;
  kill(): void;
  lastWords(): string[];
}

export type LifeEvent =
  | { type: 'spawned'; pid: number }
  | { type: 'ready'; pid: number; facts: ReadyFacts }
  | { type: 'gone'; pid: number; why: string; lastWords: string[]; restartInMs: number | undefined };

export interface KeptProcess {
  /** Settles when it is ready for the first time. Rejects when it cannot be brought up. */
  readonly firstReady: Promise<ReadyFacts>;
  /** Asks it to leave, kills it after `graceMs`, and does not start it again. */
  stop(graceMs: number): Promise<void>;
  killNow(): void;
}

export interface KeepRunningOptions {
  /** Starts one life. */
  launch: (signal: AbortSignal) => Promise<LiveProcess>;
  onEvent: (event: LifeEvent) => void;
  /** Wait before the first restart; doubles up to `maxDelayMs`. Default: 1 s. */
  delayMs?: number;
  /** Default: 30 s. */
  maxDelayMs?: number;
  /** To have been ready that long starts the count of failures anew. Default: 60 s. */
  settledMs?: number;
  /** Failed starts after which a process that was never ready is given up. Default: 3. */
  attempts?: number;
  /** Restarts in a row, without a settled life between, after which any process is given up. Default: no limit. */
  maxRestarts?: number;
  /** Part of a pause that is left to chance, 0-1, so that what died together does not come back together. Default: 0. */
  jitter?: number;
  /** Exit statuses of a process that starting again does not help. Default: 2, wrong configuration. */
  hopelessCodes?: readonly number[];
}

interface LifeEnd {
  why: string;
  pid: number;
  lastWords: string[];
  hopeless: boolean;
  /** How long it was ready; undefined: never. */
  readyMs: number | undefined;
}

/** Status of a process of ours that found its configuration wrong. */
const EXIT_CONFIG = 2;

/** Keeps one process running until it is stopped: starts it again, with growing pauses, whenever it dies. */
export function keepRunning(options: KeepRunningOptions): KeptProcess {
  const { delayMs = 1_000, maxDelayMs = 30_000, settledMs = 60_000, attempts = 3 } = options;
  const { maxRestarts = Number.POSITIVE_INFINITY, jitter = 0, hopelessCodes = [EXIT_CONFIG] } = options;
  const stopping = new AbortController();
  const first = deferred<ReadyFacts>();
  // Whoever stops a process before it was ready need not look at this.
  first.promise.catch(() => {});
  let current: LiveProcess | undefined;
  let everReady = false;

  async function oneLife(): Promise<LifeEnd> {
    try {
      current = await options.launch(stopping.signal);
    } catch (error) {
      return { why: (error as Error).message, pid: 0, lastWords: [], hopeless: false, readyMs: undefined };
    }
    const { pid, ready, exited } = current;
    let readyAt: number | undefined;
    if (stopping.signal.aborted) current.kill();
    else options.onEvent({ type: 'spawned', pid });
    void ready.then((facts) => {
      if (stopping.signal.aborted) return;
      everReady = true;
      readyAt = performance.now();
      options.onEvent({ type: 'ready', pid, facts });
      first.resolve(facts);
    });
    const exit = await exited;
    const lastWords = current.lastWords();
    current = undefined;
    const hopeless = exit.code !== null && hopelessCodes.includes(exit.code);
    const readyMs = readyAt === undefined ? undefined : performance.now() - readyAt;
    return { why: inWords(exit), pid, lastWords, hopeless, readyMs };
  }

  async function live(): Promise<void> {
    for (let failures = 1; !stopping.signal.aborted; failures++) {
      const end = await oneLife();
      if (stopping.signal.aborted) return;
      if (end.readyMs !== undefined && end.readyMs >= settledMs) failures = 1;
      const givenUp = failures > maxRestarts || (!everReady && (end.hopeless || failures >= attempts));
      const pause = Math.min(maxDelayMs, delayMs * 2 ** (failures - 1)) * (1 - jitter * Math.random());
      const restartInMs = givenUp ? undefined : Math.round(pause);
      options.onEvent({ type: 'gone', pid: end.pid, why: end.why, lastWords: end.lastWords, restartInMs });
      if (restartInMs === undefined) {
        first.reject(new Error(end.why));
        return;
      }
      await sleep(restartInMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  const ended = live();
  return {
    firstReady: first.promise,
    async stop(graceMs) {
      stopping.abort();
      first.reject(new Error('stopped'));
      current?.askToStop();
      const timer = setTimeout(() => current?.kill(), graceMs);
      await ended;
      clearTimeout(timer);
    },
    killNow() {
      stopping.abort();
      current?.kill();
    },
  };
}

function inWords({ code, signal, why }: ProcessExit): string {
  if (why !== undefined) return why;
  return signal ? `was ended by ${signal}` : `ended with status ${code}`;
}

/** Promise.withResolvers, which Node 20 does not have. */
function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}
