import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { LiveCursor } from '../../contract/live-events.ts';
import type { ConnectorReport } from '../../contract/connector-report.schema.ts';
import { joinHubToBroker, joinSourceToBroker, type BrokerEnd } from '../../platform/live/broker-sides.ts';
import { LiveHub } from '../../platform/live/live-hub.ts';
import { LiveSource } from '../../platform/live/live-source.ts';
import type { LiveNews, LiveTarget } from '../../platform/live/live-watch.ts';
import { findMessageServer, startMessageServer, type MessageServer } from '../harness/message-server.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { textOf } from './live-fixture.ts';

const KINDS = ['nats', 'redis'] as const;
const found = new Map(await Promise.all(KINDS.map(async (kind) => [kind, await findMessageServer(kind)] as const)));

function watcher() {
  const news: LiveNews[] = [];
  let cursor: LiveCursor | undefined;
  const target: LiveTarget = {
    tokens: true,
    previews: true,
    ready: () => true,
    send: (event, at) => {
      news.push(event);
      cursor = at;
    },
  };
  return { news, target, cursor: () => cursor };
}

for (const kind of KINDS) {
  const server = found.get(kind)!;
  const unavailable = 'why' in server ? server.why : undefined;
  const suite = unavailable === undefined ? describe : describe.skip;

  suite(`several API processes share the channel through ${kind}${unavailable ? `: skipped, ${unavailable}` : ''}`, () => {
    let broker: MessageServer;
    const ends: BrokerEnd[] = [];
    const sources: LiveSource[] = [];

    beforeAll(async () => {
      broker = await startMessageServer(kind, 'program' in server ? server.program : '');
    });
    afterAll(async () => {
      for (const source of sources) source.close();
      for (const end of ends) await end.close();
      await broker.kill();
    });

    function options() {
      return { url: broker.url, namespace: 'a test', logger: pino({ level: 'silent' }) };
    }
    function apiProcess(): LiveHub {
      const hub = new LiveHub();
      ends.push(joinHubToBroker(hub, options()));
      return hub;
    }
    function worker(): LiveSource {
      const source = new LiveSource();
      sources.push(source);
      ends.push(joinSourceToBroker(source, options()));
      return source;
    }

    test('each gets all of every worker, early and late', async () => {
      const [one, two] = [worker(), worker()];
      const [first, second] = [apiProcess(), apiProcess()];
      const early = watcher();
      first.watch('a', early.target);
      const a = one.open('a', { activity: 1, attempt: 1 });
      a.token('from the first ', 0);
      const b = two.open('b', { activity: 1, attempt: 1 });
      const picture = Buffer.alloc(200_000, 9);
      b.preview(picture, 'image/png', 0);
      await waitUntil(() => textOf(early.news) === 'from the first ');
      const [late, other] = [watcher(), watcher()];
      second.watch('a', late.target);
      second.watch('b', other.target);
      await waitUntil(() => textOf(late.news) === 'from the first ' && other.news.length === 1);
      expect(other.news[0]).toMatchObject({ type: 'preview', job_id: 'b', bytes: 200_000 });
      a.token('worker', 15);
      a.end();
      b.end();
      await waitUntil(() => [early, late].every(({ news }) => textOf(news) === 'from the first worker'));
      for (const { news } of [early, late, other]) {
        expect(news.filter(({ type }) => type === 'dropped' || type === 'reset')).toEqual([]);
      }
    });

    test('reports of a worker come to every API process, also where nobody watches a job', async () => {
      const [source, first, second] = [worker(), apiProcess(), apiProcess()];
      const queues = [{ pool: 'p', capability: 'c' }];
      const report: ConnectorReport = { worker: 'w', connector: 'C', queues, health: 'healthy', models: ['m'] };
      source.reportFrom(() => [report]);
      await waitUntil(() => [first, second].every(({ reports }) => reports.list().length === 1));
      source.report({ ...report, health: 'unhealthy', reason: 'gone' });
      await waitUntil(() => [first, second].every(({ reports }) => reports.list()[0]?.report.health === 'unhealthy'));
    });

    test('a picture larger than the broker takes is left out, and what follows comes', async () => {
      const [source, hub] = [worker(), apiProcess()];
      const { news, target } = watcher();
      hub.watch('d', target);
      const attempt = source.open('d', { activity: 1, attempt: 1 });
      attempt.token('text ', 0);
      attempt.preview(Buffer.alloc(2_000_000), 'image/png', 0);
      attempt.preview(Buffer.alloc(2_000), 'image/png', 1);
      attempt.token('goes on', 5);
      attempt.end();
      await waitUntil(() => textOf(news) === 'text goes on');
      const small = { type: 'preview', index: 1 };
      const large = kind === 'nats' ? { type: 'dropped', previews: 1, characters: 0 } : { type: 'preview', index: 0 };
      expect(news.filter(({ type }) => type !== 'token')).toMatchObject([large, small]);
    });

    test('a broker that goes away and comes back loses nothing that is still held', async () => {
      const [source, hub] = [worker(), apiProcess()];
      const { news, target } = watcher();
      hub.watch('c', target);
      const attempt = source.open('c', { activity: 1, attempt: 1 });
      attempt.token('before ', 0);
      await waitUntil(() => textOf(news) === 'before ');
      await broker.kill();
      let position = 7;
      for (let n = 0; n < 200; n++) {
        attempt.token(`${n} `, position);
        position += `${n} `.length;
      }
      await broker.restart();
      // Whatever was published into the void shows as a hole with the next piece.
      await waitUntil(
        () => {
          attempt.token('.', position);
          position += 1;
          return textOf(news).length > 700;
        },
        90_000,
        300,
      );
      const whole = `before ${Array.from({ length: 200 }, (_, n) => `${n} `).join('')}`;
      expect(textOf(news).replace(/\.*$/, '')).toBe(whole.trimEnd() + ' ');
      expect(news.filter(({ type }) => type === 'dropped' || type === 'reset')).toEqual([]);
      attempt.end();
    });
  });
}
