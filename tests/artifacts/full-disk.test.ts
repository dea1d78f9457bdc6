import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileArtifactStore } from '../../platform/artifacts/file-artifact-store.ts';
import { mountSmallDisk } from '../harness/small-disk.ts';

const root = mkdtempSync(join(tmpdir(), 'switchyard-full-'));
const mounted = mountSmallDisk(root);

afterAll(() => {
  if (mounted) execFileSync('umount', [root]);
  rmSync(root, { recursive: true, force: true });
});

const everything = () => new Set(readdirSync(root, { recursive: true, encoding: 'utf8' }));
const onSmallDisk = mounted ? test : test.skip;

describe('a full disk', () => {
  beforeAll(() => {
    if (!mounted) process.stderr.write('full-disk.test.ts skipped: needs Linux, root and the right to mount a tmpfs\n');
  });

  onSmallDisk('the write fails with ENOSPC, leaves nothing, and what was there before stays whole', async () => {
    const store = createFileArtifactStore(root);
    const kept = await store.putOutput('kept', Buffer.alloc(100_000, 1), { name: 'kept.bin', maxBytes: 1e9 });
    const before = everything();
    await expect(
      store.putOutput('job1', Buffer.alloc(4_000_000, 2), { name: 'big.bin', maxBytes: 1e9 }),
    ).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(store.putInput(Buffer.alloc(4_000_000, 3), { name: 'big', maxBytes: 1e9 })).rejects.toMatchObject({
      code: 'ENOSPC',
    });
    expect(everything()).toEqual(before);
    expect(await store.stat(kept.uri)).toEqual(kept);
    expect((await store.putOutput('job1', Buffer.from('small'), { name: 'a', maxBytes: 1e9 })).bytes).toBe(5);
  });

  onSmallDisk('no room even for the metadata: the file itself goes too', async () => {
    const store = createFileArtifactStore(root);
    await store.sweep(new Date());
    const before = everything();
    const filler = join(root, 'filler');
    const size = 200_000;
    // Leaves room for the content alone: the next block does not fit.
    const { bavail, bsize } = statfsSync(root);
    writeFileSync(filler, Buffer.alloc((bavail - Math.ceil(size / bsize)) * bsize));
    await expect(store.putOutput('job2', Buffer.alloc(size, 4), { name: 'b', maxBytes: 1e9 })).rejects.toMatchObject({
      code: 'ENOSPC',
    });
    rmSync(filler);
    expect(everything()).toEqual(before);
  });
});
