import type { ConfigOrigin } from '../../platform/config/load-config.ts';
import { freePort, isPortFree } from '../../platform/processes/free-port.ts';
import { portOwner } from '../../platform/processes/port-owner.ts';

export interface WantedPort {
  /** For the message: `API`, `Temporal`, `Temporal Web UI`. */
  what: string;
  /** Environment variable that sets it. */
  variable: string;
  host: string;
  /** 0: any free one. */
  port: number;
  /** Where the wish comes from. */
  origin: ConfigOrigin;
}

export interface ChosenPort {
  port: number;
  /** What to tell when it is not the port that was wanted. */
  note?: string;
}

/** The wanted port when it is free, else another, with a sentence that says who has the wanted one. */
export async function choosePort(wanted: WantedPort): Promise<ChosenPort> {
  const { what, variable, host } = wanted;
  if (wanted.port === 0) return { port: await freePort(host) };
  if (await isPortFree(host, wanted.port)) return { port: wanted.port };
  const [owner, port] = [await portOwner(wanted.port), await freePort(host)];
  const asked =
    wanted.origin === 'default'
      ? ''
      : `, although ${wanted.origin === 'environment' ? variable : 'the configuration file'} asks for it`;
  const hint = wanted.origin === 'default' ? ` (${variable} sets another)` : '';
  return {
    port,
    note: `Port ${wanted.port} is taken${owner ? ` by ${owner}` : ''}: ${what} uses ${port}${asked}${hint}`,
  };
}
