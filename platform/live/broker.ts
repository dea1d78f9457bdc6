import type { Logger } from '../logging/logger.ts';

/** Publish and subscribe through a server that is shared by workers and API processes. Loses what nobody hears. */
export interface Broker {
  /** Resolves when the server has it, or at least the connection. Rejects when it is lost. */
  publish(subject: string, message: Buffer): Promise<void>;
  subscribe(subject: string, onMessage: (message: Buffer) => void): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects to the server that a URL names: `nats:`, `tls:` (NATS with TLS), `redis:` or `rediss:`. Waits for one that is
 * away, for as long as it takes.
 */
export async function openBroker(url: string, logger: Logger): Promise<Broker> {
  // Loaded only where it is chosen: neither is small.
  if (/^redis/.test(url)) return (await import('./redis-broker.ts')).openRedis(url, logger);
  return (await import('./nats-broker.ts')).openNats(url, logger);
}

/** Whether a URL names a broker, not an API. */
export function isBrokerUrl(url: string): boolean {
  return /^(nats|tls|rediss?):/.test(url);
}
