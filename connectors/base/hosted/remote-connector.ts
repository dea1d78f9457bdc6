import type { HealthCheckCapabilities, ServiceJobStatus } from '../../contract/connector.ts';
import { HostedConnector } from './hosted-connector.ts';
import type { PaidCall } from './paid-call.ts';
import type { PlainClient } from './plain-client.ts';
import { cancelRemoteJob, remoteJobStatus, type RemoteProtocol } from './remote-job.ts';
import type { HostedSettings } from './settings.ts';

/** What connectors to services that run jobs by themselves share: jobs are asked for, and cancelled, by their ids. */
export abstract class RemoteConnector<S extends HostedSettings, R> extends HostedConnector<PlainClient, S> {
  protected abstract readonly protocol: RemoteProtocol<PlainClient, R>;
  /** Of jobs under way: they know the API key that the service's job belongs to. */
  readonly #paid = new Map<string, PaidCall<PlainClient>>();

  override getHealthCheckCapabilities(): HealthCheckCapabilities {
    return { ...super.getHealthCheckCapabilities(), supportsJobStatusQuery: true };
  }

  override queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    return remoteJobStatus(this.api, this.protocol, serviceJobId);
  }

  protected override async cancelJobImpl(jobId: string, serviceJobId: string | undefined): Promise<void> {
    // Without an id yet, the submission under way cancels what it has started.
    if (serviceJobId) await cancelRemoteJob(this.api, this.protocol, serviceJobId, this.#paid.get(jobId)?.key);
  }

  /** Does the work of a job; a cancel meanwhile goes out with the key the job was made with. */
  protected async paidWith<T>(jobId: string, paid: PaidCall<PlainClient>, work: () => Promise<T>): Promise<T> {
    this.#paid.set(jobId, paid);
    try {
      return await work();
    } finally {
      this.#paid.delete(jobId);
    }
  }
}
