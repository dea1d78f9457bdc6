import { isNativeError } from 'node:util/types';
import { pino } from 'pino';
import type { Logger } from '../../platform/logging/logger.ts';

let current: Logger | undefined;

/** Called once by the composition root of a process, before connectors are made. */
export function setConnectorLogger(logger: Logger): void {
  current = logger;
}

/** The logger of this process; silent until the composition root has set one. */
export function connectorLogger(): Logger {
  current ??= pino({ level: 'silent' });
  return current;
}

/** What connectors written after the creation guide log with: a text, then whatever belongs to it. */
export interface ConnectorLog {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

/** Forwards to the logger of the process. An error among the details is logged with its stack and cause. */
export const logger: ConnectorLog = {
  debug: (message, ...details) => connectorLogger().debug(fields(details), message),
  info: (message, ...details) => connectorLogger().info(fields(details), message),
  warn: (message, ...details) => connectorLogger().warn(fields(details), message),
  error: (message, ...details) => connectorLogger().error(fields(details), message),
};

function fields(details: unknown[]): Record<string, unknown> {
  const err = details.find((detail) => isNativeError(detail) || detail instanceof Error);
  const others = details.filter((detail) => detail !== err);
  return { ...(err ? { err } : {}), ...(others.length > 0 ? { details: others } : {}) };
}
