import type { OpenAI } from 'openai';
import { HostedConnector } from '../base/hosted/hosted-connector.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ConnectorConfig, HealthCheckCapabilities, ServiceJobStatus } from '../contract/connector.ts';
import { cancelResponse } from './cancel-response.ts';
import { createOpenAiApi, type OpenAiApi } from './openai-api.ts';
import { readSettings, variables, type OpenAiSettings } from './settings.ts';

const STATUSES: Readonly<Record<string, ServiceJobStatus['status']>> = {
  queued: 'pending',
  in_progress: 'running',
  completed: 'completed',
  incomplete: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
};

/**
 * What the connectors to OpenAI share: one server with its keys, limits, models and prices, and what is known of stored
 * responses. The server is OpenAI or any other that speaks its protocol.
 */
export abstract class OpenAIConnector extends HostedConnector<OpenAI, OpenAiSettings> {
  static override getRequiredEnvVars(): Record<string, string> {
    return variables();
  }

  override getHealthCheckCapabilities(): HealthCheckCapabilities {
    return { ...super.getHealthCheckCapabilities(), supportsJobStatusQuery: true };
  }

  /** @param serviceJobId of a stored response */
  override async queryJobStatus(serviceJobId: string): Promise<ServiceJobStatus> {
    try {
      const { value } = await this.api.read((client) => client.responses.retrieve(serviceJobId), { anyKey: true });
      const background = value.background ?? false;
      const over = value.status !== 'queued' && value.status !== 'in_progress';
      return {
        serviceJobId,
        status: STATUSES[value.status ?? ''] ?? 'unknown',
        canReconnect: background || over,
        canCancel: background && !over,
        errorMessage: value.error?.message,
      };
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'not_found') throw error;
      return { serviceJobId, status: 'unknown', canReconnect: false, canCancel: false };
    }
  }

  protected override async cancelJobImpl(_jobId: string, serviceJobId: string | undefined): Promise<void> {
    if (serviceJobId) await cancelResponse(this.api, serviceJobId, undefined);
  }

  protected nameOf({ official, host }: OpenAiSettings): string {
    return official ? 'OpenAI' : `OpenAI protocol at ${host}`;
  }

  protected connect(settings: OpenAiSettings): OpenAiApi {
    return createOpenAiApi(settings);
  }

  protected readSettings(config: Partial<ConnectorConfig>): OpenAiSettings {
    return readSettings(config, process.env);
  }
}
