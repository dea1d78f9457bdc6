import type { DestinationStream } from 'pino';
import { openRotatingLog } from '../../platform/processes/rotating-log.ts';

interface LogLine {
  level?: string;
  msg?: string;
  err?: { message?: string };
}

/**
 * A machine in a terminal writes its log to a file, and shows there only what a person should know.
 * @param show gets warnings and errors, short
 */
export function machineLog(path: string, show: (line: string) => void): DestinationStream & { close(): void } {
  const log = openRotatingLog(path);
  return {
    write(text) {
      const line = text.trimEnd();
      log.write(line);
      try {
        const { level, msg, err } = JSON.parse(line) as LogLine;
        // The command's own line says why.
        if (msg === 'temporal: Activity failed') return;
        if (level === 'warn' || level === 'error' || level === 'fatal')
          show(`${level}: ${msg ?? ''}${err?.message ? ` - ${err.message.split('\n')[0]}` : ''}`);
      } catch {
        // Whatever it is, it stands in the log.
      }
    },
    close: () => log.close(),
  };
}
