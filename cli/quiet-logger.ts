import { pino } from 'pino';
import type { Logger } from '../platform/logging/logger.ts';

/** For parts that want a logger, in a command that tells its user itself. */
export function quietLogger(): Logger {
  return pino({ level: 'silent' });
}
