import type { Logger as PinoLogger } from 'pino';

/** pino's logger; everything but the composition roots gets it handed in. */
export type Logger = PinoLogger;
