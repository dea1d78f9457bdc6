import type { Logger } from '../../platform/logging/logger.ts';
import type { KeptWorker } from './kept-worker.ts';
import type { ServiceSupervisor } from './services/supervisor.ts';

export interface MindServicesOptions {
  supervisor: ServiceSupervisor;
  workers: readonly KeptWorker[];
  logger: Logger;
  /** The card has changed. */
  onChange: () => void;
  /** A service of the plan has spent its restarts. */
  onFailed: (name: string, reason: string) => void;
}

/**
 * A worker takes jobs only while the service it works with is well.
 * @returns ends it
 */
export function mindServices({ supervisor, workers, logger, onChange, onFailed }: MindServicesOptions): () => void {
  /** Why each service's worker is held now. */
  const reasons = new Map<string, string>();
  const users = (service: string) => workers.filter(({ plan }) => plan.service === service);
  const hold = (service: string, reason: string) => {
    const before = reasons.get(service);
    reasons.set(service, reason);
    // The new reason first: between the two no job may slip in.
    for (const worker of users(service)) {
      worker.hold(reason);
      if (before !== undefined && before !== reason) worker.release(before);
    }
  };
  const letGo = (service: string) => {
    const before = reasons.get(service);
    reasons.delete(service);
    if (before !== undefined) for (const worker of users(service)) worker.release(before);
  };
  return supervisor.subscribe((event) => {
    const { name } = event;
    const isPlanned = users(name).length > 0;
    switch (event.type) {
      case 'ready':
      case 'healthy':
        letGo(name);
        logger.info({ service: name }, `service ${event.type}`);
        break;
      case 'unhealthy':
        hold(name, `its service ${name} does not answer`);
        logger.warn({ service: name, reason: event.reason, failures: event.failures }, 'service does not answer');
        break;
      case 'gone':
        hold(name, `its service ${name} is being restarted`);
        logger.warn({ service: name, reason: event.reason, last_words: event.last_words }, 'service died');
        break;
      case 'stopped':
        hold(name, `its service ${name} is stopped`);
        logger.info({ service: name }, 'service stopped');
        break;
      case 'failed':
        hold(name, `its service ${name} has failed`);
        logger.error({ service: name, reason: event.reason, last_words: event.last_words }, 'service failed');
        if (isPlanned) onFailed(name, event.reason);
        break;
      case 'spawned':
      case 'usage':
        break;
      default:
        event satisfies never;
    }
    if (event.type !== 'usage') onChange();
  });
}
