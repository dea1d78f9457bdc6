import type { Logger } from '../logging/logger.ts';
import type { Broker } from './broker.ts';

/**
 * Connects to the server that a URL names: `nats:`, `tls:` (NATS with TLS), `redis:` or `rediss:`. Waits for one that is
 * away, for as long as it takes.
 */
export async function openBroker(url: string, logger: Logger): Promise<Broker> {
  // Loaded only where it is chosen: neither is small.
  if (url.startsWith('redis')) return (await import('./redis-broker.ts')).openRedis(url, logger);
  return (await import('./nats-broker.ts')).openNats(url, logger);
}

/** Whether a URL names a broker, not an API. */
export function isBrokerUrl(url: string): boolean {
  return /^(nats|tls|rediss?):/.test(url);
}
