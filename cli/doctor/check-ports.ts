import type { Config } from '../../platform/config/settings.ts';
import { isPortFree } from '../../platform/processes/free-port.ts';
import type { StackState } from '../stack/find-stack.ts';
import { portOwner } from '../../platform/processes/port-owner.ts';
import { finding, type Finding } from './finding.ts';

interface Port {
  what: string;
  host: string;
  port: number;
  variable: string;
}

/** Whether the ports are free, or taken by the stack itself. A taken one is no failure: another is picked at start. */
export async function checkPorts(config: Config, stack: StackState | undefined): Promise<Finding[]> {
  const embedded: Port[] = [
    { what: 'Temporal', host: '127.0.0.1', port: config.temporalPort, variable: 'SWITCHYARD_TEMPORAL_PORT' },
    {
      what: 'Temporal Web UI',
      host: '127.0.0.1',
      port: config.temporalUiPort,
      variable: 'SWITCHYARD_TEMPORAL_UI_PORT',
    },
  ];
  const ports: Port[] = [
    { what: 'API', host: config.host, port: config.port, variable: 'SWITCHYARD_PORT' },
    ...(config.temporalAddress === undefined ? embedded : []),
    { what: 'worker health', host: config.healthHost, port: config.healthPort, variable: 'SWITCHYARD_HEALTH_PORT' },
  ];
  const held = stack ? portsOf(stack) : new Set<number>();
  return Promise.all(ports.filter(({ port }) => port > 0).map((port) => checkPort(port, held)));
}

async function checkPort({ what, host, port, variable }: Port, held: ReadonlySet<number>): Promise<Finding> {
  const name = `Port ${port}`;
  if (held.has(port)) return finding(name, 'ok', `${what}: in use by our own stack`);
  if (await isPortFree(host, port)) return finding(name, 'ok', `${what}: free`);
  const owner = await portOwner(port);
  return finding(
    name,
    'warn',
    `${what}: taken${owner ? ` by ${owner}` : ''}`,
    `npm start picks another port and prints it; to choose one yourself set ${variable}.`,
  );
}

function portsOf(stack: StackState): Set<number> {
  const addresses = [
    stack.api_url,
    ...(stack.temporal_embedded ? [`tcp://${stack.temporal_address}`, stack.temporal_ui_url] : []),
    ...stack.processes.map(({ health_url }) => health_url),
  ];
  return new Set(addresses.filter((address) => address !== undefined).map((address) => Number(new URL(address).port)));
}
