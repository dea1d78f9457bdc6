import { ConnectorError } from '../contract/connector-error.ts';
import type { ConnectorConfig } from '../contract/connector.ts';
import { BaseComfyUIConnector } from './base-comfyui-connector.ts';
import { type CustomNode, type CustomNodeResult, installCustomNodes, type InstallOptions } from './custom-nodes.ts';

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

/** A ComfyUI on this machine, whose folder this process can write to: also installs custom nodes. */
export class ComfyUILocalConnector extends ComfyUIWebSocketConnector {
  constructor(connectorId = 'comfyui-local', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }

  /**
   * Installs custom nodes into the ComfyUI folder (`COMFYUI_DIR`), several at a time. ComfyUI loads them when it starts
   * the next time.
   * @returns one result per node, in the order of the list; a node that fails does not stop the others
   * @throws ConnectorError `validation` when `COMFYUI_DIR` is not set
   */
  async installCustomNodes(
    list: readonly (string | CustomNode)[],
    options: InstallOptions = {},
  ): Promise<CustomNodeResult[]> {
    const { dir, python } = this.server.settings;
    if (!dir) {
      throw new ConnectorError(
        'validation',
        'COMFYUI_DIR is not set: name the folder of ComfyUI that the nodes go into',
      );
    }
    const results = await installCustomNodes(dir, list, { python, ...options });
    this.refreshCatalog();
    return results;
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
    const { protocol, hostname } = new URL(settings.base_url);
    const secret = settings.api_key || settings.password;
    if (secret && protocol === 'http:' && !/^(?:localhost|127\..*|\[::1\])$/.test(hostname)) {
      this.logger.warn({ base_url: settings.base_url }, 'credentials for ComfyUI travel in the clear; use https');
    }
    await super.initializeService();
  }
}
