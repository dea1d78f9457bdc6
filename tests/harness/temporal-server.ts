import { freePort } from '../../platform/processes/free-port.ts';
import { type DevServer, startDevServer } from '../../platform/temporal/dev-server.ts';

export interface TestTemporalOptions {
  /** SQLite file; without it the server keeps everything in memory. */
  dbFile?: string;
  port?: number;
  /** Default: `default`. */
  namespace?: string;
  extraArgs?: readonly string[];
}

export interface TestTemporal {
  /** host:port; stays the same over `restart()`. */
  readonly address: string;
  readonly namespace: string;
  readonly pid: number;
  /** Stops it in order. */
  stop(): Promise<void>;
  /** kill -9: a crash. `restart()` brings it back. */
  kill(): Promise<void>;
  /** Starts it again on the same port and file, after `stop()` or `kill()`. */
  restart(): Promise<void>;
}

/** The `temporal` program that jest's global set-up found. */
export function temporalBinary(): string {
  const path = process.env['SWITCHYARD_TEMPORAL_BINARY'];
  if (!path)
    throw new Error(
      'SWITCHYARD_TEMPORAL_BINARY is not set: tests/setup/global-setup.mjs sets it, start the tests through jest.config.mjs',
    );
  return path;
}

/** A Temporal server of a test's own: the same as under `npm start`, but headless and in memory unless told otherwise. */
export async function startTestTemporal(options: TestTemporalOptions = {}): Promise<TestTemporal> {
  const port = options.port ?? (await freePort());
  const start = () =>
    startDevServer({
      binary: temporalBinary(),
      port,
      namespace: options.namespace,
      dbFile: options.dbFile,
      extraArgs: options.extraArgs,
    });
  let server: DevServer = await start();
  return {
    address: server.address,
    namespace: options.namespace ?? 'default',
    get pid() {
      return server.pid;
    },
    // Without a file there is nothing to close in order, and a second to win.
    stop: () => (options.dbFile === undefined ? server.kill() : server.stop()),
    kill: () => server.kill(),
    async restart() {
      await server.kill();
      server = await start();
    },
  };
}
