import type { InstanceConfig } from '../../../contract/instance.schema.ts';
import { isPortFree } from '../../../platform/processes/free-port.ts';
import { portOwner } from '../../../platform/processes/port-owner.ts';
import { ConnectorError } from '../../contract/connector-error.ts';

/** ComfyUI's own. */
const FIRST_PORT = 8_188;
const TRIED = 200;

/** The next port that no instance has and nobody listens on. */
export async function suggestPort(others: readonly InstanceConfig[]): Promise<number> {
  const taken = new Set(others.map(({ port }) => port));
  for (let port = FIRST_PORT; port < FIRST_PORT + TRIED; port++)
    if (!taken.has(port) && (await isPortFree('127.0.0.1', port))) return port;
  throw new ConnectorError('conflict', `No port from ${FIRST_PORT} on is free: give one`);
}

/** @throws ConnectorError `conflict` that names who has it */
export async function checkPortFree({ port }: InstanceConfig): Promise<void> {
  if (await isPortFree('127.0.0.1', port)) return;
  const owner = await portOwner(port);
  const hint = `choose another port; or, if a ComfyUI runs there already, use it as it is: url http://127.0.0.1:${port}`;
  throw new ConnectorError('conflict', `Port ${port} is in use${owner ? ` by ${owner}` : ''}: ${hint}`, {
    errors: [{ pointer: '/port', detail: `${port} is in use`, hint }],
  });
}
