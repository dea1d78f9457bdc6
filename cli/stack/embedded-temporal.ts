import { readFileSync, statSync } from 'node:fs';
import { type DevServer, startDevServer } from '../../platform/temporal/dev-server.ts';
import type { LiveProcess } from '../../platform/processes/keep-running.ts';
import { rotateLog } from '../../platform/processes/rotating-log.ts';

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
  const before = statSync(options.logFile, { throwIfNoEntry: false })?.size ?? 0;
  const server: DevServer = await startDevServer({ ...options, detached: true, signal });
  return {
    pid: server.pid,
    ready: Promise.resolve({ address: server.address, ui_url: server.uiUrl }),
    exited: server.exited,
    askToStop: () => void server.process.kill('SIGTERM'),
    kill: () => void server.process.kill('SIGKILL'),
    lastWords: () => errorsIn(readFileSync(options.logFile).subarray(before).toString('utf8')),
  };
}

/** The errors of this life, without the fields that only a developer of the server can use. */
function errorsIn(log: string): string[] {
  const lines = log.split('\n').flatMap((line) => {
    try {
      const { level, msg, error } = JSON.parse(line) as Record<string, string | undefined>;
      return level === 'ERROR' || level === 'FATAL' ? [`${msg ?? ''}${error ? `: ${error}` : ''}`] : [];
    } catch {
      return line.startsWith('Error') ? [line] : [];
    }
  });
  return lines.slice(-3);
}
