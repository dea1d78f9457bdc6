import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
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
  /** A life that long starts the count of failures anew. Default: 60 s. */
  settledMs?: number;
  /** Failed starts after which a process that was never ready is given up. Default: 3. */
  attempts?: number;
}

/** Status of a process that found its configuration wrong: starting it again does not help. */
const EXIT_CONFIG = 2;

/** Keeps one process running until it is stopped: starts it again, with growing pauses, whenever it dies. */
export function keepRunning(options: KeepRunningOptions): KeptProcess {
  const { delayMs = 1_000, maxDelayMs = 30_000, settledMs = 60_000, attempts = 3 } = options;
  const stopping = new AbortController();
  const first = deferred<ReadyFacts>();
  // Whoever stops a process before it was ready need not look at this.
  first.promise.catch(() => {});
  let current: LiveProcess | undefined;
  let everReady = false;

  async function oneLife(): Promise<{ why: string; pid: number; lastWords: string[]; hopeless: boolean }> {
    try {
      current = await options.launch(stopping.signal);
    } catch (error) {
      return { why: (error as Error).message, pid: 0, lastWords: [], hopeless: false };
    }
    const { pid, ready, exited } = current;
    if (stopping.signal.aborted) current.kill();
    else options.onEvent({ type: 'spawned', pid });
    void ready.then((facts) => {
      if (stopping.signal.aborted) return;
      everReady = true;
      options.onEvent({ type: 'ready', pid, facts });
      first.resolve(facts);
    });
    const exit = await exited;
    const lastWords = current.lastWords();
    current = undefined;
    return { why: inWords(exit), pid, lastWords, hopeless: exit.code === EXIT_CONFIG };
  }

  async function live(): Promise<void> {
    for (let failures = 1; !stopping.signal.aborted; failures++) {
      const started = Date.now();
      const end = await oneLife();
      if (stopping.signal.aborted) return;
      if (Date.now() - started > settledMs) failures = 1;
      const givenUp = !everReady && (end.hopeless || failures >= attempts);
      const restartInMs = givenUp ? undefined : Math.min(maxDelayMs, delayMs * 2 ** (failures - 1));
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

function inWords({ code, signal }: ProcessExit): string {
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
