import { afterAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { classifyError } from '../../../activities/process-job/classify-error.ts';
import { encodePicture, writeAlpha } from '../../../connectors/upscale/encode.ts';
import { mountSmallDisk } from '../../harness/small-disk.ts';

const folder = mkdtempSync(join(tmpdir(), 'switchyard-full-'));
const disk = mkdtempSync(join(tmpdir(), 'switchyard-full-'));
const mounted = mountSmallDisk(disk);

afterAll(() => {
  if (mounted) execFileSync('umount', [disk]);
  for (const path of [folder, disk]) rmSync(path, { recursive: true, force: true });
});

const onSmallDisk = mounted ? test : test.skip;
const [width, height] = [1_400, 1_000];

onSmallDisk.each(['png', 'jpeg', 'webp'] as const)('a disk too full for the %s is named as such', async (format) => {
  const canvas = join(folder, 'canvas.v');
  await sharp(randomBytes(width * height * 3), { raw: { width, height, channels: 3 } }).toFile(canvas);
  const options = { format, quality: 100, width, height, grey: false };
  const error: unknown = await encodePicture(canvas, join(disk, `result.${format}`), options).catch((e: unknown) => e);
  expect(classifyError(error)).toMatchObject({
    code: 'service_unavailable',
    message: expect.stringMatching(/cannot store data \(ENOSPC\): no space left on device, writing result\.[a-z]+$/),
  });
});

onSmallDisk('too full for the transparency: the same', async () => {
  const picture = { data: randomBytes(width * height * 4), width, height, channels: 4 as const };
  await expect(writeAlpha(picture, width, height, join(disk, 'alpha.v'))).rejects.toMatchObject({ code: 'ENOSPC' });
});
