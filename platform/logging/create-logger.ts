import { pino, stdTimeFunctions, type DestinationStream, type LevelWithSilent } from 'pino';
import { createRedactor } from './create-redactor.ts';
import type { LogShipper } from './log-shipper.ts';
import type { Logger } from './logger.ts';
import { serializeError } from './serialize-error.ts';
import { shortenLine } from './shorten-line.ts';

export interface LoggerOptions {
  /** Least severe level that is written. */
  level: LevelWithSilent;
  /** Which process writes, e.g. `api` or `worker`. */
  name: string;
  /** Takes whole lines; standard output. */
  destination?: DestinationStream;
  /** Gets every line as well. */
  shipper?: LogShipper;
  /** Values that must not be written, wherever they stand; those shorter than 8 characters are left alone. */
  secrets?: readonly string[];
}

/**
 * A logger of JSON lines with ISO time and the level as text. Secrets are hidden in the finished line, so that no way
 * to log (child bindings, errors and their causes, texts, nested objects) leads past it. Job context comes by
 * `jobLogger`.
 */
export function createLogger(options: LoggerOptions): Logger {
  const redact = createRedactor(options.secrets ?? []);
  const { shipper } = options;
  const settings = {
    level: options.level,
    base: { name: options.name, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: serializeError },
    hooks: {
      streamWrite(line: string): string {
        const written = shortenLine(redact(line));
        shipper?.write(written);
        return written;
      },
    },
  };
  return options.destination ? pino(settings, options.destination) : pino(settings);
}
