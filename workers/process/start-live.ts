import { randomBytes } from 'node:crypto';
import type { Config } from '../../platform/config/settings.ts';
import { isBrokerUrl } from '../../platform/live/open-broker.ts';
import { joinHubToBroker, joinSourceToBroker } from '../../platform/live/broker-sides.ts';
import { readEndpoint, removeEndpoint, socketUrl, writeEndpoint } from '../../platform/live/endpoint.ts';
import { LiveHub } from '../../platform/live/live-hub.ts';
import { LiveSource } from '../../platform/live/live-source.ts';
import { keepUplink } from '../../platform/live/ws-uplink.ts';
import type { Logger } from '../../platform/logging/logger.ts';

/**
 * The live channel of a pool worker, connected outwards in the background: to the broker or API that is configured, else
 * to the API that runs on the same data directory, whenever there is one.
 */
export function startLiveSource(config: Config, logger: Logger): { source: LiveSource; close(): Promise<void> } {
  const source = new LiveSource();
  const { liveUrl, liveToken, dataDir } = config;
  if (liveUrl !== undefined && isBrokerUrl(liveUrl)) {
    const broker = joinSourceToBroker(source, { url: liveUrl, namespace: config.temporalNamespace, logger });
    return {
      source,
      close: async () => {
        source.close();
        await broker.close();
      },
    };
  }
  const find = () => (liveUrl === undefined ? readEndpoint(dataDir) : { url: socketUrl(liveUrl), token: liveToken });
  const uplink = keepUplink(find, source, logger);
  return {
    source,
    close: async () => {
      source.close();
      uplink.close();
    },
  };
}

export interface LiveApi {
  hub: LiveHub;
  token: string;
  /** Tells the workers on this data directory where the API is. */
  announce(apiUrl: string): void;
  close(): Promise<void>;
}

/** The live channel of an API process; joins a broker when one is configured. */
export function startLiveHub(config: Config, logger: Logger): LiveApi {
  const hub = new LiveHub();
  const { liveUrl, dataDir } = config;
  const token = config.liveToken ?? randomBytes(32).toString('hex');
  const broker =
    liveUrl !== undefined && isBrokerUrl(liveUrl)
      ? joinHubToBroker(hub, { url: liveUrl, namespace: config.temporalNamespace, logger })
      : undefined;
  return {
    hub,
    token,
    announce(apiUrl) {
      try {
        writeEndpoint(dataDir, reachable(apiUrl), token);
      } catch (error) {
        logger.info(
          { err: error },
          'live channel: workers here need SWITCHYARD_LIVE_URL, the data directory takes no file',
        );
      }
    },
    async close() {
      removeEndpoint(dataDir, token);
      await broker?.close();
    },
  };
}

/** Listening everywhere is no address to call. */
function reachable(apiUrl: string): string {
  return apiUrl.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
