/**
 * Resolves when this process should leave: SIGTERM, SIGINT, or the end of the supervisor that started it (its IPC
 * channel closes even when it is killed). A second signal ends the process at once.
 */
export function untilAskedToStop(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (why: string) => {
      if (asked && why.startsWith('SIG')) process.exit(130);
      asked = true;
      resolve(why);
    };
    process.on('SIGTERM', () => ask('SIGTERM'));
    process.on('SIGINT', () => ask('SIGINT'));
    if (process.connected) process.on('disconnect', () => ask('supervisor gone'));
  });
}

/**
 * Resolves when the supervisor says `{type: 'drain'}` over the IPC channel: no more jobs, and time for those there are.
 * A signal afterwards asks to leave as ever.
 */
export function untilToldToDrain(): Promise<string> {
  return new Promise((resolve) => {
    process.on('message', (message) => {
      if ((message as { type?: unknown } | null)?.type === 'drain') resolve('drained');
    });
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
