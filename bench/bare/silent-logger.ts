import type { Logger } from '@temporalio/worker';

export function silentLogger(): Logger {
  const nothing = () => {};
  return { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };
}
