import type { HealthCheckCapabilities, ServiceJobStatus } from '../../contract/connector.ts';
import { HostedConnector } from './hosted-connector.ts';
import type { PlainClient } from './plain-client.ts';
import { cancelRemoteJob, remoteJobStatus, type RemoteProtocol } from './remote-job.ts';
import type { HostedSettings } from './settings.ts';

/** What connectors to services that run jobs by themselves share: jobs are asked for, and cancelled, by their ids. */
export abstract class RemoteConnector<S extends HostedSettings, R> extends HostedConnector<PlainClient, S> {
  protected abstract readonly protocol: RemoteProtocol<PlainClient, R>;

  override getHealthCheckCapabilities(): HealthCheckCapabilities {
    return { ...super.getHealthCheckCapabilities(), supportsJobStatusQuery: true };
  }

  override queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    return remoteJobStatus(this.api, this.protocol, serviceJobId);
  }

  protected override async cancelJobImpl(_jobId: string, serviceJobId: string | undefined): Promise<void> {
    // Without an id yet, the submission under way cancels what it has started.
    if (serviceJobId) await cancelRemoteJob(this.api, this.protocol, serviceJobId);
  }
}
