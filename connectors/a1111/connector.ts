import { travelsInTheClear } from '../base/server-address.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ConnectorConfig } from '../contract/connector.ts';
import { BaseA1111Connector } from './base-a1111-connector.ts';
import type { A1111Settings } from './settings.ts';

/** A web UI anywhere; on this machine unless said otherwise. */
export class A1111Connector extends BaseA1111Connector {
  protected readonly defaultHost: string | undefined = '127.0.0.1';

  constructor(connectorId = 'a1111', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }
}

/** A web UI on this machine. With its folder (`A1111_DIR`) pictures survive a lost answer, and are made once. */
export class A1111LocalConnector extends A1111Connector {
  constructor(connectorId = 'a1111-local', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }
}

/** A web UI elsewhere: its address has to be given. */
export class A1111RemoteConnector extends A1111Connector {
  protected override readonly defaultHost = undefined;

  constructor(connectorId = 'a1111-remote', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }

  protected override async initializeService(): Promise<void> {
    const { settings } = this.server;
    if ((settings.api_key || settings.password) && travelsInTheClear(settings.base_url)) {
      this.logger.warn({ base_url: settings.base_url }, 'credentials for Automatic1111 travel in the clear; use https');
    }
    await super.initializeService();
  }
}

/**
 * A hosted web UI on the open internet: it must want credentials, and they must not travel in the clear. An API without
 * them would belong to whoever finds it.
 */
export class A1111CloudConnector extends A1111RemoteConnector {
  constructor(connectorId = 'a1111-cloud', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }

  protected override checkSettings({ base_url, username, password, api_key }: A1111Settings): void {
    if (!api_key && !(username && password)) {
      throw new ConnectorError(
        'authentication',
        'A1111_USERNAME and A1111_PASSWORD are not set; give those of --api-auth, or A1111_API_KEY for a proxy in front',
      );
    }
    if (travelsInTheClear(base_url)) {
      throw new ConnectorError(
        'validation',
        `A1111_URL ${base_url} would send the credentials in the clear; give its https address, or use A1111RemoteConnector in a network of your own`,
      );
    }
  }
}
