import { readFileSync } from 'node:fs';
import { type DevServer, startDevServer } from '../../platform/temporal/dev-server.ts';
import type { LiveProcess } from './keep-running.ts';
import { rotateLog } from './rotating-log.ts';

export interface EmbeddedTemporalOptions {
  binary: string;
  port: number;
  uiPort: number;
  namespace: string;
  dbFile: string;
  logFile: string;
  /** Told the process id before the server is ready. */
  onSpawn: (pid: number) => void;
}

/** Starts one life of the embedded Temporal; the promise settles when it answers. */
export async function launchTemporal(options: EmbeddedTemporalOptions, signal: AbortSignal): Promise<LiveProcess> {
  rotateLog(options.logFile);
  const server: DevServer = await startDevServer({ ...options, detached: true, signal });
  return {
    pid: server.pid,
    ready: Promise.resolve({ address: server.address, ui_url: server.uiUrl }),
    exited: server.exited,
    askToStop: () => void server.process.kill('SIGTERM'),
    kill: () => void server.process.kill('SIGKILL'),
    lastWords: () => readFileSync(options.logFile, 'utf8').trimEnd().split('\n').slice(-5),
  };
}
