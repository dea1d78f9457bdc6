import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ProgressUpdate } from '../../../connectors/contract/connector.ts';
import { TileThreads } from '../../../connectors/upscale/tile-threads.ts';
import { projectRoot } from '../../../platform/project-root.ts';
import { eventually } from '../harness.ts';
import { connectorWith, encoded, pictureContext, removeContexts, testPicture, upscale } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'switchyard-attempts-'));
const image = join(folder, 'noise.png');
const TILES = 12;
const connector = connectorWith();

beforeAll(() => encoded(testPicture(90, 62)).png().toFile(image));
afterAll(async () => {
  await connector.cleanup();
  await removeContexts();
  rmSync(folder, { recursive: true });
});

/** Runs until that many tiles are done, then aborts; the work directory stays. */
async function interruptedAfter(tiles: number): Promise<string> {
  const context = pictureContext();
  const leaving = new Error('the worker leaves');
  const onProgress = (update: ProgressUpdate) => {
    if (update.current_step === tiles) context.abort(leaving);
  };
  await expect(upscale(connector, { image, scale: 2 }, context, onProgress)).rejects.toBe(leaving);
  return context.workDir;
}

function tileFiles(workDir: string): string[] {
  const [tiles] = readdirSync(workDir).filter((name) => name.startsWith('tiles-'));
  return readdirSync(join(workDir, tiles!)).map((name) => join(workDir, tiles!, name));
}

describe('progress', () => {
  test('rises tile by tile to the end and estimates the time left', async () => {
    const { updates, result } = await upscale(connector, { image, scale: 2 });
    expect(result).toMatchObject({ tiles: TILES, tiles_resumed: 0 });
    const messages = updates.map((update) => update.message);
    expect(messages).toEqual([
      'reading the picture',
      '12 tiles to do',
      ...Array.from({ length: TILES }, (_, i) => `tile ${i + 1} of ${TILES}`),
      'writing the png',
    ]);
    const numbers = updates.map((update) => update.progress);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    const tiles = updates.filter((update) => update.message?.startsWith('tile '));
    expect(tiles.map((update) => update.current_step)).toEqual(Array.from({ length: TILES }, (_, i) => i + 1));
    expect(new Set(tiles.map((update) => update.total_steps))).toEqual(new Set([TILES]));
    for (const update of tiles.slice(0, -1)) expect(update.estimated_completion_ms).toBeGreaterThan(0);
    expect(tiles.at(-1)?.estimated_completion_ms).toBe(0);
  });

  test('the main loop stays free while tiles are computed', async () => {
    const delays = monitorEventLoopDelay({ resolution: 5 });
    let ticks = 0;
    const ticker = setInterval(() => ticks++, 5);
    delays.enable();
    const big = join(folder, 'big.png');
    await encoded(testPicture(200, 150)).png().toFile(big);
    const started = performance.now();
    const one = connectorWith({ tile_size: 200 });
    try {
      await upscale(one, { image: big, scale: 4 });
    } finally {
      clearInterval(ticker);
      delays.disable();
      await one.cleanup();
    }
    const elapsed = performance.now() - started;
    // One tile takes about all of that time: on the main thread there would be hardly any tick.
    expect(ticks).toBeGreaterThan(elapsed / 5 / 4);
    expect(delays.max / 1e6).toBeLessThan(elapsed / 2);
  });
});

describe('the next attempt', () => {
  test('goes on from the finished tiles and makes the same picture', async () => {
    const straight = await upscale(connector, { image, scale: 2 });
    const workDir = await interruptedAfter(5);
    const done = await upscale(connector, { image, scale: 2 }, pictureContext(workDir));
    expect(done.result.tiles_resumed).toBeGreaterThanOrEqual(5);
    expect(done.result.tiles_resumed).toBeLessThan(TILES);
    expect(done.updates[1]).toMatchObject({
      message: `resumed: ${done.result.tiles_resumed} of ${TILES} tiles were done`,
      current_step: done.result.tiles_resumed,
    });
    expect(done.updates.filter((u) => u.message?.startsWith('tile '))).toHaveLength(TILES - done.result.tiles_resumed);
    expect(done.file.equals(straight.file)).toBe(true);
  });

  test.each<[string, (file: string) => void]>([
    ['truncated', (file) => truncateSync(file, statSync(file).size - 100)],
    ['empty', (file) => truncateSync(file, 0)],
    [
      'damaged',
      (file) => {
        const bytes = readFileSync(file);
        bytes[100] = bytes[100]! ^ 0xff;
        writeFileSync(file, bytes);
      },
    ],
    ['longer', (file) => writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(10)]))],
    ['missing', (file) => rmSync(file)],
  ])('computes a %s tile again', async (_, spoil) => {
    const straight = await upscale(connector, { image, scale: 2 });
    const first = pictureContext();
    await upscale(connector, { image, scale: 2 }, first);
    spoil(tileFiles(first.workDir)[3]!);
    const again = await upscale(connector, { image, scale: 2 }, pictureContext(first.workDir));
    expect(again.result.tiles_resumed).toBe(TILES - 1);
    expect(again.file.equals(straight.file)).toBe(true);
  });

  test('uses no tiles of another scale, picture or tile size', async () => {
    const context = pictureContext();
    await upscale(connector, { image, scale: 2 }, context);
    const scaled = await upscale(connector, { image, scale: 3 }, pictureContext(context.workDir));
    expect(scaled.result.tiles_resumed).toBe(0);
    const other = join(folder, 'other.png');
    await encoded(testPicture(91, 62)).png().toFile(other);
    const pictured = await upscale(connector, { image: other, scale: 2 }, pictureContext(context.workDir));
    expect(pictured.result.tiles_resumed).toBe(0);
    const coarser = connectorWith({ tile_size: 40 });
    const cut = await upscale(coarser, { image, scale: 2 }, pictureContext(context.workDir));
    await coarser.cleanup();
    expect(cut.result.tiles_resumed).toBe(0);
  });

  const ofLinux = existsSync('/proc/self/fd') ? test : test.skip;
  ofLinux('what was removed takes no disk any more: nothing holds it open', async () => {
    const context = pictureContext();
    await upscale(connector, { image, scale: 8 }, context);
    const open = readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return [];
      }
    });
    expect(open.filter((path) => path.startsWith(context.workDir) || path.startsWith(image))).toEqual([]);
  });

  test('finds nothing but tiles: what else was written is gone', async () => {
    const context = pictureContext();
    await upscale(connector, { image, scale: 2 }, context);
    expect(readdirSync(context.workDir).filter((name) => !name.startsWith('tiles-'))).toEqual([]);
    expect(tileFiles(context.workDir)).toHaveLength(TILES);
  });
});

describe('cancel', () => {
  test('in the middle throws the reason and leaves the thread to others', async () => {
    const context = pictureContext();
    const reason = new Error('cancelled by somebody');
    const started = upscale(connector, { image, scale: 4 }, context, (update) => {
      if (update.current_step === 3) context.abort(reason);
    });
    await expect(started).rejects.toBe(reason);
    expect(tileFiles(context.workDir).length).toBeLessThan(6);
    expect((await upscale(connector, { image, scale: 2 })).result.tiles).toBe(TILES);
  });

  test('before the start does nothing', async () => {
    const context = pictureContext();
    const reason = new Error('too late');
    context.abort(reason);
    await expect(upscale(connector, { image, scale: 2 }, context)).rejects.toBe(reason);
    expect(readdirSync(context.workDir)).toEqual([]);
  });

  test('an abort answers at once, though the tile in work goes on', async () => {
    const threads = new TileThreads({ size: 1, idleMs: 60_000 });
    const work = () => ({
      scale: 4 as const,
      width: 300,
      height: 300,
      margin: 10,
      pixels: new Uint8Array(300 * 300 * 3),
    });
    const stop = new AbortController();
    const running = threads.run(work(), stop.signal);
    const waiting = threads.run(work(), stop.signal);
    const answers = Promise.allSettled([running, waiting]);
    stop.abort(new Error('enough'));
    expect((await answers).map((answer) => answer.status)).toEqual(['rejected', 'rejected']);
    expect(threads.load).toBe(1);
    await threads.close();
  });
});

describe('threads', () => {
  test('two jobs take turns on one thread', async () => {
    const order: string[] = [];
    const job = (name: string) =>
      upscale(connector, { image, scale: 2 }, pictureContext(), (update) => {
        if (update.message?.startsWith('tile ')) order.push(name);
      });
    await Promise.all([job('a'), job('b')]);
    const firstHalf = order.slice(0, TILES);
    expect(firstHalf.filter((name) => name === 'a').length).toBeGreaterThan(TILES / 4);
    expect(firstHalf.filter((name) => name === 'b').length).toBeGreaterThan(TILES / 4);
  });

  test('several work on one job when the configuration says so', async () => {
    const two = connectorWith({ threads: 2 });
    const straight = await upscale(connector, { image, scale: 3 });
    const done = await upscale(two, { image, scale: 3 });
    await two.cleanup();
    expect(done.file.equals(straight.file)).toBe(true);
  });

  test('end by themselves when there is nothing to do, and start again', async () => {
    const threads = new TileThreads({ size: 1, idleMs: 20 });
    const work = () => ({ scale: 2 as const, width: 24, height: 24, margin: 10, pixels: new Uint8Array(24 * 24 * 3) });
    const { signal } = new AbortController();
    expect(threads.running).toBe(0);
    expect(await threads.run(work(), signal)).toHaveLength(8 * 8 * 3);
    await eventually(() => expect(threads.running).toBe(0));
    expect(await threads.run(work(), signal)).toHaveLength(8 * 8 * 3);
    await threads.close();
  });

  test('a thread without memory fails its tile as out_of_memory and is gone', async () => {
    const threads = new TileThreads({ size: 1, idleMs: 60_000, heapMb: 8 });
    const { signal } = new AbortController();
    const work = { scale: 2 as const, width: 24, height: 24, margin: 10, pixels: new Uint8Array(24 * 24 * 3) };
    await expect(threads.run(work, signal)).rejects.toMatchObject({ code: 'out_of_memory' });
    expect(threads.running).toBe(0);
    await threads.close();
  });

  test('a tile that makes no sense fails as internal and leaves a working pool', async () => {
    const threads = new TileThreads({ size: 1, idleMs: 60_000 });
    const { signal } = new AbortController();
    const wrong = { scale: 2 as const, width: 24, height: 24, margin: 10, pixels: new Uint8Array(10) };
    const right = { ...wrong, pixels: new Uint8Array(24 * 24 * 3) };
    const answers = await Promise.allSettled([threads.run(wrong, signal), threads.run(right, signal)]);
    expect(answers[0]).toMatchObject({ status: 'rejected', reason: { code: 'internal' } });
    expect(answers[1]).toMatchObject({ status: 'fulfilled' });
    await threads.close();
    await expect(threads.run(right, signal)).rejects.toMatchObject({ code: 'internal' });
  });

  test('closing in the middle of a tile ends the thread and its tile', async () => {
    const threads = new TileThreads({ size: 1, idleMs: 60_000 });
    const { signal } = new AbortController();
    const work = { scale: 4 as const, width: 300, height: 300, margin: 10, pixels: new Uint8Array(300 * 300 * 3) };
    await threads.run({ ...work, width: 24, height: 24, pixels: new Uint8Array(24 * 24 * 3) }, signal);
    const tile = threads.run(work, signal);
    await Promise.all([expect(tile).rejects.toMatchObject({ code: 'internal' }), threads.close()]);
    expect(threads.running).toBe(0);
  });

  test('an idle thread does not keep a process alive, and a process without jobs loads nothing of TensorFlow', () => {
    const built = (path: string) =>
      JSON.stringify(pathToFileURL(join(projectRoot(), 'dist/connectors/upscale', path)).href);
    const script = join(folder, 'leaves.mjs');
    writeFileSync(
      script,
      `import { createRequire } from 'node:module';
       import { UpscaleConnector } from ${built('connector.js')};
       import { TileThreads } from ${built('tile-threads.js')};
       const connector = new UpscaleConnector();
       await connector.initialize();
       const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes('@tensorflow'));
       const threads = new TileThreads({ size: 1, idleMs: 600_000 });
       const tile = { scale: 2, width: 24, height: 24, margin: 10, pixels: new Uint8Array(24 * 24 * 3) };
       await threads.run(tile, new AbortController().signal);
       console.log(JSON.stringify({ loaded, running: threads.running }));`,
    );
    const { NODE_OPTIONS: _, ...env } = process.env;
    const left = spawnSync(process.execPath, [script], { env, encoding: 'utf8', timeout: 60_000 });
    expect(left).toMatchObject({ status: 0, signal: null, stderr: '' });
    expect(JSON.parse(left.stdout)).toEqual({ loaded: [], running: 1 });
  });
});
