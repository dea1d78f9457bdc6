import { pino, stdTimeFunctions, type DestinationStream, type LevelWithSilent } from 'pino';
import type { Logger } from './logger.ts';
import { redactLine } from './redact.ts';

export interface LoggerOptions {
  /** Least severe level that is written. */
  level: LevelWithSilent;
  /** Which process writes, e.g. `api` or `worker`. */
  name: string;
  /** Takes whole lines; standard output. */
  destination?: DestinationStream;
}

/**
 * A logger of JSON lines with ISO time and the level as text. Secrets are hidden in the finished line, so that no way
 * to log (child bindings, errors and their causes, texts, nested objects) leads past it. Job context comes by
 * `logger.child({ job_id, service, attempt })`.
 */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    base: { name: options.name, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: redactLine },
  };
  return options.destination ? pino(settings, options.destination) : pino(settings);
}
