import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import { choosePort, type WantedPort } from '../../cli/stack/choose-port.ts';
import { freePort } from '../../platform/processes/free-port.ts';

let server: Server | undefined;
afterEach(() => void server?.close());

async function takenPort(): Promise<number> {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

function wanted(port: number, origin: WantedPort['origin'] = 'default'): WantedPort {
  return { what: 'the API', variable: 'SWITCHYARD_PORT', host: '127.0.0.1', port, origin };
}

describe('choosing a port', () => {
  test('takes the wanted one when it is free', async () => {
    const port = await freePort();
    expect(await choosePort(wanted(port))).toEqual({ port });
  });

  test('takes another when it is not, and says who has it', async () => {
    const taken = await takenPort();
    const { port, note } = await choosePort(wanted(taken));
    expect(port).not.toBe(taken);
    const owner = process.platform === 'linux' ? ` by .+ \\(process ${process.pid}\\)` : '.*';
    expect(note).toMatch(
      new RegExp(`^Port ${taken} is taken${owner}: the API uses ${port} \\(SWITCHYARD_PORT sets another\\)$`),
    );
  });

  test.each([
    ['environment', 'although SWITCHYARD_PORT asks for it'],
    ['file', 'although the configuration file asks for it'],
  ] as const)('says so when the %s asked for it', async (origin, words) => {
    expect((await choosePort(wanted(await takenPort(), origin))).note).toContain(words);
  });

  test('0 means any', async () => {
    const { port, note } = await choosePort(wanted(0));
    expect(port).toBeGreaterThan(0);
    expect(note).toBeUndefined();
  });
});
