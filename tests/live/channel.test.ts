import { describe, expect, test } from '@jest/globals';
import type { LiveCursor } from '../../contract/live-events.ts';
import type { LiveLink, LivePeer } from '../../platform/live/link.ts';
import { LiveHub } from '../../platform/live/live-hub.ts';
import { LiveSource } from '../../platform/live/live-source.ts';
import type { LiveNews, LiveTarget } from '../../platform/live/live-watch.ts';
import { waitUntil } from '../harness/wait-until.ts';

/** A way between a worker and an API process that a test can narrow, cut and make lossy. */
class Wire {
  readonly #toApi: LiveLink;
  readonly #toWorker: LiveLink;
  /** Messages that the API did not get, while `lose` is set. */
  lost = 0;
  sent = 0;
  lose = false;
  open = true;

  static join(source: LiveSource, hub: LiveHub): Wire {
    return new Wire(source, hub);
  }

  private constructor(source: LiveSource, hub: LiveHub) {
    const links: { worker?: LiveLink; api?: LiveLink } = {};
    const early: Buffer[] = [];
    const worker: LivePeer = {
      send: (message) => {
        this.sent += 1;
        if (this.lose) this.lost += 1;
        else links.api?.receive(Buffer.from(message));
      },
      ready: () => this.open,
    };
    const api: LivePeer = {
      send: (message) => (links.worker ? links.worker.receive(message) : void early.push(message)),
      ready: () => true,
    };
    links.api = this.#toApi = hub.connect(api);
    links.worker = this.#toWorker = source.connect(worker);
    for (const message of early) links.worker.receive(message);
  }

  widen(): void {
    this.open = true;
    this.#toWorker.drained();
  }

  cut(): void {
    this.#toWorker.close();
    this.#toApi.close();
  }
}

/** A watcher that takes only as much as a test lets it. */
class Watcher implements LiveTarget {
  readonly tokens: boolean;
  readonly previews: boolean;
  readonly news: (LiveNews & { picture?: Buffer })[] = [];
  open = true;
  cursor: LiveCursor | undefined;

  constructor(choice: { tokens?: boolean; previews?: boolean } = {}) {
    this.tokens = choice.tokens ?? true;
    this.previews = choice.previews ?? true;
  }

  ready(): boolean {
    return this.open;
  }

  send(news: LiveNews, cursor: LiveCursor, picture?: Buffer): void {
    this.news.push({ ...news, ...(picture ? { picture } : {}) });
    this.cursor = cursor;
  }

  /** The text as a client puts it together: gaps show as `…`. */
  text(): string {
    let text = '';
    for (const event of this.news) {
      if (event.type === 'reset') text = '';
      if (event.type === 'dropped' && event.characters > 0) text += '.'.repeat(event.characters);
      if (event.type === 'token') {
        expect(event.position).toBe(text.length);
        text += event.text;
      }
    }
    return text;
  }

  all<T extends LiveNews['type']>(type: T): Extract<LiveNews, { type: T }>[] {
    return this.news.filter((event): event is Extract<LiveNews, { type: T }> => event.type === type);
  }
}

const FIRST = { activity: 1, attempt: 1 };

function write(attempt: { token(text: string, position: number): void }, text: string, from = 0): number {
  let position = from;
  for (const piece of text.match(/\S+\s*/g) ?? []) {
    attempt.token(piece, position);
    position += piece.length;
  }
  return position;
}

describe('from a worker to a watcher', () => {
  test('text that was written before, while and after watching comes once and whole', async () => {
    const [source, hub] = [new LiveSource(), new LiveHub()];
    const wire = Wire.join(source, hub);
    const attempt = source.open('job', FIRST);
    const at = write(attempt, 'one two three ');
    const early = new Watcher();
    hub.watch('job', early);
    await waitUntil(() => early.text() === 'one two three ', undefined, 5);
    const end = write(attempt, 'four five ', at);
    await waitUntil(() => early.text() === 'one two three four five ', undefined, 5);
    const late = new Watcher();
    const watch = hub.watch('job', late);
    expect(late.text()).toBe(early.text());
    write(attempt, 'six', end);
    attempt.end();
    await watch.settle(10_000);
    expect(late.text()).toBe('one two three four five six');
    expect(early.text()).toBe(late.text());
    expect([...early.all('dropped'), ...early.all('reset')]).toEqual([]);
    wire.cut();
    source.close();
  });

  test('what nobody watches never leaves the worker', async () => {
    const [source, hub] = [new LiveSource(), new LiveHub()];
    const wire = Wire.join(source, hub);
    const attempt = source.open('job', FIRST);
    write(attempt, 'nobody listens');
    hub.watch('other', new Watcher());
    attempt.end();
    expect(wire.sent).toBe(0);
    const watch = hub.watch('job', new Watcher());
    await waitUntil(() => wire.sent > 0, undefined, 5);
    const { sent } = wire;
    watch.end();
    source.open('job', { activity: 1, attempt: 2 }).token('more', 0);
    expect(wire.sent).toBe(sent);
    source.close();
  });

  test('many tokens at once are merged', async () => {
    const [source, hub] = [new LiveSource(), new LiveHub()];
    Wire.join(source, hub);
    const watcher = new Watcher();
    const watch = hub.watch('job', watcher);
    const attempt = source.open('job', FIRST);
    const text = 'word '.repeat(5_000);
    write(attempt, text);
    attempt.end();
    await watch.settle(10_000);
    expect(watcher.text()).toBe(text);
    expect(watcher.all('token').length).toBeLessThan(100);
    source.close();
  });

  test('a new attempt resets the text, and what the old one still says is not heard', () => {
    const [source, elsewhere, hub] = [new LiveSource(), new LiveSource(), new LiveHub()];
    Wire.join(source, hub);
    Wire.join(elsewhere, hub);
    const watcher = new Watcher();
    hub.watch('job', watcher);
    const old = source.open('job', FIRST);
    old.token('first try', 0);
    const next = elsewhere.open('job', { activity: 1, attempt: 2 });
    next.token('second', 0);
    old.preview(Buffer.from('x'), 'image/png', 0);
    old.end();
    next.end();
    expect(watcher.all('reset')).toMatchObject([{ attempt: 2, reason: 'new_attempt' }]);
    expect(watcher.text()).toBe('second');
    expect(watcher.all('preview')).toEqual([]);
    // Spill-over counts its attempts anew.
    const third = source.open('job', { activity: 2, attempt: 1 });
    third.token('third', 0);
    expect(watcher.text()).toBe('third');
    third.end();
    for (const one of [source, elsewhere]) one.close();
  });

  test('known text that comes again is left out; other text starts anew with what stayed the same', async () => {
    const [source, hub] = [new LiveSource(), new LiveHub()];
    Wire.join(source, hub);
    const watcher = new Watcher();
    const watch = hub.watch('job', watcher);
    const attempt = source.open('job', FIRST);
    write(attempt, 'the cat sat');
    write(attempt, 'the cat sat down');
    await waitUntil(() => watcher.text() === 'the cat sat down', undefined, 5);
    expect(watcher.all('reset')).toEqual([]);
    write(attempt, 'the cat ran away');
    attempt.end();
    await watch.settle(10_000);
    expect(watcher.all('reset')).toMatchObject([{ reason: 'started_again', attempt: 1 }]);
    expect(watcher.text()).toBe('the cat ran away');
    expect(watcher.all('dropped')).toEqual([]);
    source.close();
  });
});

describe('what is lost is told exactly', () => {
  test('a slow watcher gets the newest pictures, all text, and the number of the others', async () => {
    const [source, hub] = [new LiveSource(), new LiveHub()];
    Wire.join(source, hub);
    const slow = new Watcher();
    const quick = new Watcher();
    const watch = hub.watch('job', slow);
    hub.watch('job', quick);
    const attempt = source.open('job', FIRST);
    slow.open = false;
    let at = 0;
    for (let index = 0; index < 30; index++) {
      attempt.preview(Buffer.alloc(1_000, index), 'image/jpeg', index);
      at = write(attempt, `step ${index} `, at);
    }
    attempt.end();
    await waitUntil(() => quick.all('preview').length === 30, undefined, 5);
    slow.open = true;
    watch.pump();
    expect(slow.text()).toBe(quick.text());
    const seen = slow.all('preview').map(({ index }) => index);
    expect(seen).toEqual([22, 23, 24, 25, 26, 27, 28, 29]);
    expect(slow.all('dropped').reduce((sum, { previews }) => sum + previews, 0)).toBe(22);
    expect(slow.all('dropped').every(({ characters }) => characters === 0)).toBe(true);
    expect(quick.all('dropped')).toEqual([]);
    source.close();
  });

  test('a late watcher of a very long text is told how much of its beginning is gone', async () => {
    const [source, hub] = [new LiveSource(), new LiveHub()];
    Wire.join(source, hub);
    const attempt = source.open('job', FIRST);
    const text = Array.from({ length: 200_000 }, (_, number) => `${number} `).join('');
    attempt.token(text.slice(0, 100_000), 0);
    attempt.token(text.slice(100_000), 100_000);
    attempt.end();
    const late = new Watcher();
    await hub.watch('job', late).settle(10_000);
    const [dropped, ...more] = late.all('dropped');
    expect(more).toEqual([]);
    expect(dropped!.characters).toBeGreaterThan(0);
    expect(late.text()).toBe('.'.repeat(dropped!.characters) + text.slice(dropped!.characters));
    source.close();
  });

  test('a picture too large for the channel counts as dropped, also at the very end', async () => {
    const [source, hub] = [new LiveSource(), new LiveHub()];
    Wire.join(source, hub);
    const watcher = new Watcher();
    const watch = hub.watch('job', watcher);
    const attempt = source.open('job', FIRST);
    attempt.preview(Buffer.alloc(5_000_000), 'image/png', 0);
    attempt.preview(Buffer.alloc(10), 'image/png', 1);
    attempt.preview(Buffer.alloc(5_000_000), 'image/png', 2);
    attempt.end();
    await watch.settle(100);
    expect(watcher.news.map(({ type }) => type)).toEqual(['dropped', 'preview', 'dropped']);
    source.close();
  });

  test('who wants only text hears nothing of pictures, lost or not', () => {
    const [source, hub] = [new LiveSource(), new LiveHub()];
    Wire.join(source, hub);
    const watcher = new Watcher({ previews: false });
    const attempt = source.open('job', FIRST);
    for (let index = 0; index < 30; index++) attempt.preview(Buffer.alloc(10), 'image/png', index);
    attempt.token('text', 0);
    attempt.end();
    hub.watch('job', watcher);
    expect(watcher.news).toMatchObject([{ type: 'token', text: 'text' }]);
    source.close();
  });

  test('a worker that cannot send holds a bounded rest, and the job does not notice', async () => {
    const [source, hub] = [new LiveSource(), new LiveHub()];
    const wire = Wire.join(source, hub);
    const watcher = new Watcher();
    const watch = hub.watch('job', watcher);
    wire.open = false;
    const attempt = source.open('job', FIRST);
    for (let index = 0; index < 500; index++) attempt.preview(Buffer.alloc(100_000), 'image/jpeg', index);
    attempt.end();
    expect(wire.sent).toBe(0);
    wire.widen();
    await watch.settle(10_000);
    expect(watcher.all('dropped')).toMatchObject([{ previews: 492, characters: 0 }]);
    expect(watcher.all('preview')).toHaveLength(8);
    source.close();
  });
});

describe('cuts', () => {
  test('messages lost on the way are asked for again', async () => {
    const [source, hub] = [new LiveSource(), new LiveHub()];
    const wire = Wire.join(source, hub);
    const watcher = new Watcher();
    const watch = hub.watch('job', watcher);
    const attempt = source.open('job', FIRST);
    attempt.token('one ', 0);
    wire.lose = true;
    attempt.token('two ', 4);
    await waitUntil(() => wire.lost > 0, undefined, 5);
    wire.lose = false;
    attempt.token('three', 8);
    attempt.end();
    await watch.settle(10_000);
    expect(watcher.text()).toBe('one two three');
    expect(watcher.all('dropped')).toEqual([]);
    source.close();
  });

  test('a watcher that comes back to another API process goes on where it was', async () => {
    const [source, first, second] = [new LiveSource(), new LiveHub(), new LiveHub()];
    const wire = Wire.join(source, first);
    const watcher = new Watcher();
    first.watch('job', watcher);
    const attempt = source.open('job', FIRST);
    const at = write(attempt, 'before the cut, ');
    await waitUntil(() => watcher.text() === 'before the cut, ', undefined, 5);
    wire.cut();
    write(attempt, 'after it', at);
    attempt.end();
    const back = new Watcher();
    const watch = second.watch('job', back, watcher.cursor);
    Wire.join(source, second);
    await watch.settle(10_000);
    expect(
      back
        .all('token')
        .map(({ text }) => text)
        .join(''),
    ).toBe('after it');
    expect(back.all('token')[0]).toMatchObject({ position: at });
    expect([...back.all('dropped'), ...back.all('reset')]).toEqual([]);
    source.close();
  });

  test('a worker that dies in mid-stream leaves nobody waiting', async () => {
    const [source, hub] = [new LiveSource(), new LiveHub()];
    const wire = Wire.join(source, hub);
    const watch = hub.watch('job', new Watcher());
    source.open('job', FIRST).token('cut o', 0);
    wire.cut();
    await watch.settle(600_000);
    watch.end();
    expect(hub.size).toBe(0);
    source.close();
  });
});
