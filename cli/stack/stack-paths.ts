import { join } from 'node:path';

/** Where a stack keeps what in its data directory. */
export interface StackPaths {
  /** Held by the supervisor as long as it lives. */
  lock: string;
  /** Written when everything is ready, removed at the end. */
  state: string;
  /** Every child process there is, so that the next start finds what a killed supervisor left behind. */
  processes: string;
  logs: string;
  /** The embedded Temporal's SQLite file. */
  database: string;
}

export function stackPaths(dataDir: string): StackPaths {
  return {
    lock: join(dataDir, 'run', 'stack.lock'),
    state: join(dataDir, 'run', 'stack.json'),
    processes: join(dataDir, 'run', 'processes.json'),
    logs: join(dataDir, 'logs'),
    database: join(dataDir, 'temporal.db'),
  };
}

export function logFile(paths: StackPaths, name: string): string {
  return join(paths.logs, `${name}.log`);
}
