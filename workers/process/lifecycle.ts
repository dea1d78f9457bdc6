/**
 * Calls back at each request to leave: SIGTERM, SIGINT, or the end of the supervisor that started this process (its IPC
 * channel closes even when it is killed).
 * @param ask gets the reason and, of a signal, which one it is, from 1 on
 */
export function onAskedToStop(ask: (why: string, signals: number) => void): void {
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ask(signal, ++signals));
  if (process.connected) process.on('disconnect', () => ask('supervisor gone', signals));
}

/** Resolves when this process should leave. A second signal ends it at once. */
export function untilAskedToStop(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    onAskedToStop((why) => {
      if (asked && why.startsWith('SIG')) process.exit(130);
      asked = true;
      resolve(why);
    });
  });
}

/**
 * Calls back when the supervisor says `{type: 'drain'}` over the IPC channel: no more jobs, and time for those there are.
 * A signal afterwards asks to leave as ever.
 * @param drain gets `grace_ms` of the message, if it has one
 */
export function onToldToDrain(drain: (graceMs: number | undefined) => void): void {
  process.on('message', (message) => {
    const { type, grace_ms: grace } = (message ?? {}) as { type?: unknown; grace_ms?: unknown };
    if (type === 'drain') drain(typeof grace === 'number' && grace >= 0 ? grace : undefined);
  });
}

/** Tells the supervisor, when there is one, that this process is ready. */
export function announceReady(facts: Record<string, unknown>): void {
  if (process.connected) process.send?.({ type: 'ready', ...facts });
}

const lastThings: (() => Promise<unknown>)[] = [];

/** Has something done just before the process ends, whatever its exit code; it gets two seconds. */
export function beforeExit(work: () => Promise<unknown>): void {
  lastThings.push(work);
}

/**
 * Runs the main function of a process: prints what a person needs when it fails, and makes sure that the process ends.
 * @param main resolves with the exit code
 */
export async function runMain(main: () => Promise<number>): Promise<never> {
  let code: number;
  try {
    code = await main();
  } catch (error) {
    const known = error instanceof Error && error.name === 'ConfigError';
    process.stderr.write(
      `${known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    code = known ? 2 : 1;
  }
  const done = Promise.allSettled(lastThings.map((work) => work()));
  await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 2_000))]);
  if (process.connected) process.disconnect();
  process.exit(code);
}
