import type { HealthSource } from '../../connectors/contract/connector-health.ts';
import type { ConnectorInterface } from '../../connectors/contract/connector.ts';

/** undefined for a connector that is written without the base and has only its status to tell */
export function healthSource(connector: ConnectorInterface): HealthSource | undefined {
  return 'getHealthReport' in connector ? (connector as ConnectorInterface & HealthSource) : undefined;
}
