import type { A1111Connector } from '../../../connectors/a1111/connector.ts';
import { A1111RemoteConnector } from '../../../connectors/a1111/connector.ts';
import type { ConnectorConfig } from '../../../connectors/contract/connector.ts';
import { A1111Double } from '../../doubles/a1111/a1111-double.ts';
import type { Json } from '../../doubles/hosted/wire.ts';
import { HostedBench } from '../base/hosted/hosted-bench.ts';
import type { TestContextOptions } from '../harness.ts';

type Make = new (id?: string, config?: Partial<ConnectorConfig>) => A1111Connector;

/** A double, connectors to it, and attempts of jobs as the activity runs them. */
export class A1111Bench extends HostedBench<A1111Double> {
  constructor() {
    super(() => A1111Double.start());
  }

  ready(config: Partial<ConnectorConfig> = {}, Class: Make = A1111RemoteConnector): A1111Connector {
    return this.connector(Class, { api_key: '', catalog_seconds: 3_600, ...config }) as A1111Connector;
  }

  /** One attempt with a connector of its own. */
  attempt(payload: Record<string, unknown>, options: TestContextOptions = {}, config: Partial<ConnectorConfig> = {}) {
    return this.start(this.ready(config), payload, options);
  }

  /** The body of the one request that made pictures. */
  get sent(): Json {
    return [...this.double.bodies('txt2img'), ...this.double.bodies('img2img'), ...this.double.bodies('extra-')].at(
      -1,
    )!;
  }

  /** What somebody else has the server do, past us. Resolves with its answer. */
  async foreign(body: Json = {}): Promise<Json> {
    const response = await fetch(`${this.double.url}/sdapi/v1/txt2img`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'marker-foreign', steps: 4, width: 64, height: 64, ...body }),
    });
    return (await response.json()) as Json;
  }
}

/** Small and quick. */
export const SMALL = { prompt: 'marker-own', steps: 4, width: 64, height: 64 };
