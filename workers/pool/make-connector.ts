import type { ConnectorClass, ConnectorConfig, ConnectorInterface } from '../../connectors/contract/connector.ts';

/**
 * A connector with the settings that the mapping gives it besides those it finds in the environment.
 * @param apiConfig `api_config` of the worker; its `timeout` is in seconds, that of a connector in milliseconds
 */
export async function makeConnector(
  Connector: ConnectorClass,
  apiConfig: Readonly<Record<string, unknown>> | undefined,
): Promise<ConnectorInterface> {
  if (apiConfig === undefined) return new Connector();
  const config = settingsOf(apiConfig);
  const connector = new Connector(undefined, config);
  const taken = connector.getConfiguration();
  // A class after the creation guide takes no settings while it is made.
  const lacks = Object.entries(config).some(([name, value]) => taken[name] !== value);
  if (lacks) await connector.updateConfiguration(config);
  return connector;
}

function settingsOf({ timeout, ...rest }: Readonly<Record<string, unknown>>): Partial<ConnectorConfig> {
  // A variable that is not set leaves empty text: the connector's own default stands.
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== ''));
  return typeof timeout === 'number' ? { timeout_seconds: timeout, ...given, timeout: timeout * 1_000 } : given;
}
