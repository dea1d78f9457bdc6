/** Asked to stop, and perhaps to hurry. */
export interface StopRequest {
  /** Settles with the reason at the first request. */
  readonly first: Promise<string>;
  /** Settles at the second Ctrl-C. */
  readonly second: Promise<string>;
  dispose(): void;
}

const PARENT_CHECK_MS = 500;

/**
 * Ctrl-C, SIGTERM, a closed terminal, or the death of the npm that started this process.
 * @param underNpm npm does not hand SIGTERM on, and cannot when it is killed: then the parent's number changes
 */
export function listenForStop(underNpm: boolean): StopRequest {
  let onFirst!: (why: string) => void;
  let onSecond!: (why: string) => void;
  const first = new Promise<string>((resolve) => {
    onFirst = resolve;
  });
  const second = new Promise<string>((resolve) => {
    onSecond = resolve;
  });
  let asked = false;
  const ask = (why: string) => {
    if (asked) onSecond(why);
    asked = true;
    onFirst(why);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const listeners = signals.map((signal) => [signal, () => ask(signal)] as const);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (!underNpm || process.ppid === parent || asked) return;
    ask('npm is gone');
  }, PARENT_CHECK_MS);
  watch.unref();
  return {
    first,
    second,
    dispose() {
      clearInterval(watch);
      for (const [signal, listener] of listeners) process.off(signal, listener);
    },
  };
}
