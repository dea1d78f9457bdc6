import { createHmac } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { scalingSchema } from '../../platform/scaling/policy.schema.ts';
import { PassingDriver } from '../../workers/scaling/passing-driver.ts';
import { sendToCompose } from '../../workers/scaling/send-compose.ts';
import { sendToWebhook } from '../../workers/scaling/send-webhook.ts';
import { waitUntil } from '../harness/wait-until.ts';

const logger = pino({ level: 'silent' });
const common = { startupMs: () => 60_000, logger };
let driver: PassingDriver | undefined;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-scaling-'));
});
afterEach(async () => {
  await driver?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('docker compose', () => {
  /** A program of that name on PATH that writes down how it was called. */
  async function fakeDocker(script: string): Promise<NodeJS.ProcessEnv> {
    const path = join(folder, 'docker');
    await writeFile(path, `#!${process.execPath}\n${script}\n`);
    await chmod(path, 0o755);
    return { PATH: folder, CALLS: join(folder, 'calls') };
  }
  const RECORD = `require('fs').appendFileSync(process.env.CALLS, JSON.stringify(process.argv.slice(2)) + '\\n');`;
  const calls = async () =>
    (await readFile(join(folder, 'calls'), 'utf8').catch(() => ''))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as string[]);

  test('one argument vector per order; an order that stands is not given again at every tick', async () => {
    const env = await fakeDocker(RECORD);
    const policy = () => scalingSchema.parse({ driver: 'compose', drain_seconds: 90.5 });
    driver = new PassingDriver({ ...common, send: sendToCompose({ policy, env, cwd: folder }) });
    for (let tick = 0; tick < 3; tick++) driver.order({ pool: 'heavy; rm -rf $HOME', workers: 3, reason: 'x' });
    await waitUntil(async () => (await calls()).length === 1);
    expect(await calls()).toEqual([
      [
        ...['compose', 'up', '--detach', '--no-deps', '--no-recreate', '--timeout', '91'],
        ...['--scale', 'worker-heavy; rm -rf $HOME=3', 'worker-heavy; rm -rf $HOME'],
      ],
    ]);
    await waitUntil(async () => {
      driver!.order({ pool: 'heavy; rm -rf $HOME', workers: 0, reason: 'idle' });
      return (await calls()).length === 2;
    });
    expect((await calls())[1]).toContain('worker-heavy; rm -rf $HOME=0');
  });

  test('a pool that takes long to shrink grows all the same; further shrinking waits', async () => {
    // Shrinking lasts until the file "go" is there, as a drain does.
    const env = await fakeDocker(
      `${RECORD} const fs = require('fs'); if (process.argv.join(' ').includes('=1')) { const t = setInterval(() => fs.existsSync(process.env.CALLS + '.go') && clearInterval(t), 20); }`,
    );
    const policy = () => scalingSchema.parse({ driver: 'compose', compose_service: 'gpu' });
    driver = new PassingDriver({ ...common, send: sendToCompose({ policy, env, cwd: folder }) });
    driver.order({ pool: 'heavy', workers: 4, reason: 'work' });
    await waitUntil(async () => (await calls()).length === 1);
    await waitUntil(async () => {
      driver!.order({ pool: 'heavy', workers: 1, reason: 'less work' });
      return (await calls()).length === 2;
    });
    driver.order({ pool: 'heavy', workers: 3, reason: 'work again' });
    await waitUntil(async () => (await calls()).length === 3);
    driver.order({ pool: 'heavy', workers: 2, reason: 'less' });
    expect((await calls()).map((argv) => argv.at(-2))).toEqual(['gpu=4', 'gpu=1', 'gpu=3']);
    await writeFile(join(folder, 'calls.go'), '');
    await waitUntil(async () => {
      driver!.order({ pool: 'heavy', workers: 2, reason: 'less' });
      return (await calls()).length === 4;
    });
  });

  test('what docker says when it fails is the problem of the pool; the order is given again', async () => {
    const env = await fakeDocker(
      `${RECORD} if (!require('fs').existsSync(process.env.CALLS + '.ok')) { console.error('starting\\nno such service: worker-heavy'); process.exitCode = 1; }`,
    );
    const policy = () => scalingSchema.parse({ driver: 'compose' });
    driver = new PassingDriver({ ...common, remindMs: 50, send: sendToCompose({ policy, env, cwd: folder }) });
    driver.order({ pool: 'heavy', workers: 1, reason: 'work' });
    await waitUntil(() => driver!.problem('heavy') !== undefined);
    expect(driver.problem('heavy')).toBe(
      'the order for 1 workers could not be passed on: docker compose ended with status 1: no such service: worker-heavy',
    );
    await writeFile(join(folder, 'calls.ok'), '');
    await waitUntil(() => {
      driver!.order({ pool: 'heavy', workers: 1, reason: 'work' });
      return driver!.problem('heavy') === undefined;
    });
    // Enough: the worker is there.
    expect(driver.awaited('heavy', 0)).toBe(1);
    expect(driver.awaited('heavy', 1)).toBe(0);
  });

  test('no docker on PATH is told as such', async () => {
    const policy = () => scalingSchema.parse({ driver: 'compose' });
    driver = new PassingDriver({ ...common, send: sendToCompose({ policy, env: { PATH: folder }, cwd: folder }) });
    driver.order({ pool: 'heavy', workers: 1, reason: 'work' });
    await waitUntil(() => driver!.problem('heavy') !== undefined);
    expect(driver.problem('heavy')).toContain('there is no program "docker" on PATH');
  });
});

describe('webhook', () => {
  interface Got {
    headers: IncomingHttpHeaders;
    body: string;
  }
  let server: Server;
  let got: Got[];
  let answers: number[];
  let url: string;

  beforeEach(async () => {
    got = [];
    answers = [];
    server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        got.push({ headers: request.headers, body });
        response.writeHead(answers.shift() ?? 200, { location: 'http://127.0.0.1:9/' }).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scale`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const KEY = Buffer.from('a key of thirty-two bytes length');
  const env = { SCALE_SECRET: `whsec_${KEY.toString('base64')}` };

  function start(policyOf: object, variables: NodeJS.ProcessEnv = env, remindMs = 60_000): PassingDriver {
    const policy = () => scalingSchema.parse({ driver: 'webhook', webhook_url: url, ...policyOf });
    return new PassingDriver({ ...common, remindMs, send: sendToWebhook({ policy, env: variables, pauseMs: 1 }) });
  }

  test('signed as Standard Webhooks says, retried under the same id', async () => {
    answers = [503, 429];
    driver = start({ webhook_secret_env: 'SCALE_SECRET' });
    driver.order({ pool: 'heavy', workers: 2, reason: '9 wait' });
    await waitUntil(() => got.length === 3);
    const ids = new Set(got.map(({ headers }) => headers['webhook-id']));
    expect(ids.size).toBe(1);
    for (const { headers, body } of got) {
      expect(JSON.parse(body)).toEqual({ pool: 'heavy', workers: 2, reason: '9 wait' });
      const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
      expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', KEY).update(signed).digest('base64')}`);
    }
  });

  test('a reminder of the same order has its id, another order has another', async () => {
    driver = start({}, {}, 20);
    await waitUntil(() => {
      driver!.awaited('heavy', 0);
      driver!.order({ pool: 'heavy', workers: 2, reason: 'work' });
      return got.length >= 2;
    });
    driver.order({ pool: 'heavy', workers: 3, reason: 'more work' });
    await waitUntil(() => got.some(({ body }) => body.includes('"workers":3')));
    const idOf = (workers: number) =>
      new Set(
        got.filter(({ body }) => body.includes(`"workers":${workers}`)).map(({ headers }) => headers['webhook-id']),
      );
    expect(idOf(2).size).toBe(1);
    expect(idOf(3)).not.toEqual(idOf(2));
    expect(got[0]!.headers['webhook-signature']).toBeUndefined();
    // Fulfilled: no more reminders.
    await waitUntil(() => {
      driver!.awaited('heavy', 3);
      driver!.order({ pool: 'heavy', workers: 3, reason: 'more work' });
      return driver!.awaited('heavy', 3) === 0;
    });
  });

  test.each([
    [400, 'the webhook answered 400'],
    [302, 'the webhook answered 302'],
  ])('%d is final: not tried again', async (status, problem) => {
    answers = [status];
    driver = start({}, {});
    driver.order({ pool: 'heavy', workers: 2, reason: 'work' });
    await waitUntil(() => driver!.problem('heavy') !== undefined);
    expect(driver.problem('heavy')).toContain(problem);
    expect(got).toHaveLength(1);
  });

  test('without the secret that is configured nothing is sent', async () => {
    driver = start({ webhook_secret_env: 'SCALE_SECRET' }, {});
    driver.order({ pool: 'heavy', workers: 2, reason: 'work' });
    await waitUntil(() => driver!.problem('heavy') !== undefined);
    expect(driver.problem('heavy')).toContain('the variable SCALE_SECRET is not set');
    expect(got).toEqual([]);
  });
});
