import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { WebSocketServer } from 'ws';
import { loadConfig } from '../../platform/config/load-config.ts';
import { readEndpoint, socketUrl } from '../../platform/live/endpoint.ts';
import { bridgeSocket } from '../../platform/live/ws-bridge.ts';
import type { LiveNews } from '../../platform/live/live-watch.ts';
import { startLiveHub, startLiveSource } from '../../workers/process/start-live.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { textOf } from './live-fixture.ts';

const silent = pino({ level: 'silent' });

test('an address of the API stands for its live path', () => {
  expect(socketUrl('http://127.0.0.1:8400')).toBe('ws://127.0.0.1:8400/api/live');
  expect(socketUrl('https://gpu.example/')).toBe('wss://gpu.example/api/live');
  expect(socketUrl('wss://gpu.example/behind/api/live')).toBe('wss://gpu.example/behind/api/live');
});

test('a worker finds the API on its data directory, also one that starts later', async () => {
  const folder = temporaryFolder();
  const { config } = loadConfig({ SWITCHYARD_DATA_DIR: folder }, folder);
  const worker = startLiveSource(config, silent);
  const attempt = worker.source.open('job', { activity: 1, attempt: 1 });
  attempt.token('before there was an API', 0);
  const api = startLiveHub(config, silent);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const tokens: (string | undefined)[] = [];
  server.on('connection', (socket, request) => {
    tokens.push(request.headers.authorization);
    bridgeSocket(socket, api.hub);
  });
  await once(server, 'listening');
  api.announce(`http://0.0.0.0:${(server.address() as AddressInfo).port}`);
  expect((await stat(join(folder, 'live.json'))).mode & 0o777).toBe(0o600);
  const news: LiveNews[] = [];
  const watch = api.hub.watch('job', {
    tokens: true,
    previews: true,
    ready: () => true,
    send: (event) => void news.push(event),
  });
  await waitUntil(() => textOf(news) === 'before there was an API');
  expect(tokens).toEqual([`Bearer ${api.token}`]);
  watch.end();
  await api.close();
  expect(readEndpoint(folder)).toBeUndefined();
  await worker.close();
  server.close();
});
