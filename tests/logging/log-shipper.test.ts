import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { createLogger } from '../../platform/logging/create-logger.ts';
import { LogShipper } from '../../platform/logging/log-shipper.ts';
import { waitUntil } from '../harness/wait-until.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Takes records as Fluent Bit's `http` input does: a JSON array by POST, answered with 201. */
async function collector(answer: (index: number) => number = () => 201) {
  const requests: { records: Record<string, unknown>[]; request: IncomingMessage }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const status = answer(requests.length);
      requests.push({ records: JSON.parse(body) as Record<string, unknown>[], request });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const { port } = server.address() as AddressInfo;
  return { requests, url: `http://me:s3cret-pw@127.0.0.1:${port}/switchyard` };
}

const texts = (requests: { records: Record<string, unknown>[] }[]) =>
  requests.flatMap(({ records }) => records.map((record) => record['msg'] ?? record['n']));

test('what is logged arrives as JSON records, in order, with the address credentials as basic authentication', async () => {
  const { requests, url } = await collector();
  const shipper = new LogShipper({ url });
  const written: string[] = [];
  const destination = { write: (line: string) => void written.push(line) };
  const logger = createLogger({ level: 'info', name: 'test', destination, shipper });
  for (let index = 0; index < 1_200; index++) logger.info({ api_key: 'planted-value' }, `line ${index}`);
  await shipper.flush();
  expect(texts(requests)).toEqual(Array.from({ length: 1_200 }, (_, index) => `line ${index}`));
  expect(written).toHaveLength(1_200);
  expect(JSON.stringify(requests.map(({ records }) => records))).not.toContain('planted-value');
  expect(requests[0]?.request).toMatchObject({
    url: '/switchyard',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from('me:s3cret-pw').toString('base64')}`,
    },
  });
});

test('a collector that answers 503 gets everything once it is back', async () => {
  const { requests, url } = await collector((index) => (index < 2 ? 503 : 201));
  const shipper = new LogShipper({ url, intervalMs: 5 });
  shipper.write('{"n":1}\n');
  shipper.write('{"n":2}\n');
  await waitUntil(() => requests.length >= 3);
  await shipper.flush();
  expect(texts(requests.slice(2))).toEqual([1, 2]);
});

test('while a collector is away the oldest records go, and their number is told later', async () => {
  let up = false;
  const { requests, url } = await collector(() => (up ? 201 : 503));
  const shipper = new LogShipper({ url, maxRecords: 10, intervalMs: 5 });
  for (let n = 0; n < 30; n++) shipper.write(`{"n":${n}}\n`);
  await shipper.flush();
  const before = requests.length;
  up = true;
  await waitUntil(() => requests.length > before);
  await shipper.flush();
  const { records } = requests.at(-1) as { records: Record<string, unknown>[] };
  expect(records.slice(0, 10).map(({ n }) => n)).toEqual(Array.from({ length: 10 }, (_, index) => 20 + index));
  expect(records[10]).toMatchObject({ event: 'logs_dropped', dropped: 20, level: 'warn' });
});
