import { ConnectorError } from '../../contract/connector-error.ts';

/** An instance was taken away from under a workflow: stopped, restarted, died. The workflow can go to another one. */
export class InstanceLostError extends ConnectorError {
  /** Whether what was in its queue is certainly gone with it; otherwise it may still run there. */
  readonly queueLost: boolean;

  constructor(message: string, queueLost: boolean) {
    super('service_unavailable', message, { retry_after_ms: 1_000 });
    this.queueLost = queueLost;
  }
}
