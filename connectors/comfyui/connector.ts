import { travelsInTheClear } from '../base/server-address.ts';
import type { ConnectorConfig } from '../contract/connector.ts';
import { BaseComfyUIConnector } from './base-comfyui-connector.ts';
import { ComfyUIV2 } from './v2/v2-connector.ts';

/**
 * ComfyUI by HTTP alone: queue and history are asked, no socket is needed. For servers behind proxies that let no
 * WebSocket through; progress is coarse, and there are no previews.
 */
export class ComfyUIConnector extends BaseComfyUIConnector {
  protected readonly usesSocket: boolean = false;
  protected readonly defaultHost: string | undefined = '127.0.0.1';

  constructor(connectorId = 'comfyui', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }
}

/** With the socket: progress of each node and step, previews; queue and history where the socket fails. */
export class ComfyUIWebSocketConnector extends BaseComfyUIConnector {
  protected readonly usesSocket: boolean = true;
  protected readonly defaultHost: string | undefined = '127.0.0.1';

  constructor(connectorId = 'comfyui-websocket', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }
}

/** A ComfyUI on this machine; with `COMFYUI_DIR` custom nodes are installed into its folder. */
export class ComfyUILocalConnector extends ComfyUIWebSocketConnector {
  constructor(connectorId = 'comfyui-local', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }
}

/** A ComfyUI elsewhere, usually behind a proxy with TLS and credentials: its address has to be given. */
export class ComfyUIRemoteConnector extends ComfyUIWebSocketConnector {
  protected override readonly defaultHost = undefined;

  constructor(connectorId = 'comfyui-remote', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }

  protected override async initializeService(): Promise<void> {
    const { settings } = this.server;
    const secret = settings.api_key || settings.password;
    if (secret && travelsInTheClear(settings.base_url)) {
      this.logger.warn({ base_url: settings.base_url }, 'credentials for ComfyUI travel in the clear; use https');
    }
    await super.initializeService();
  }
}

export { ComfyUIInstancesConnector } from './instances-connector.ts';

/** Comfy API v2: Comfy Cloud, serverless deployments, a ComfyUI behind comfy-api-proxy. Its address has to be given. */
export class ComfyUIV2Connector extends ComfyUIV2 {
  constructor(connectorId = 'comfyui-v2', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }
}
