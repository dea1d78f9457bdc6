import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ArtifactRef } from '../../contract/artifact.ts';
import { safeFileName } from '../../platform/artifacts/safe-name.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import type { ApiClient } from './client.ts';
import { isPassing } from './errors.ts';

const TRIES = 3;

/**
 * Fetches an artifact into a folder: streamed, checked against its SHA-256, complete or not there at all. A file of
 * that name with other content is left alone and the new one gets a number; the same content is not fetched twice.
 * @param onBytes called with the number of bytes that came in since the last call
 * @returns the file's path
 * @throws CliError
 */
export async function downloadArtifact(
  api: ApiClient,
  jobId: string,
  ref: ArtifactRef,
  folder: string,
  onBytes: (bytes: number) => void = () => {},
): Promise<string> {
  await makeFolder(folder);
  const { path, present } = await choosePath(folder, ref);
  if (present) return path;
  const part = join(folder, `.${parse(path).base}.${randomBytes(4).toString('hex')}.part`);
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await receive(api, jobId, ref, part, onBytes);
        break;
      } catch (error) {
        if (attempt === TRIES || !isPassing(error)) throw error;
      }
    }
    await rename(part, path);
    return path;
  } finally {
    await rm(part, { force: true });
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new CliError(EXIT.usage, `--out ${folder}: the folder cannot be made: ${(error as Error).message}`);
  }
}

async function receive(
  api: ApiClient,
  jobId: string,
  ref: ArtifactRef,
  part: string,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const path = `/jobs/${encodeURIComponent(jobId)}/artifacts/${encodeURIComponent(ref.name)}`;
  const response = await api.fetch(path, { headers: { accept: '*/*' } });
  const hash = createHash('sha256');
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      onBytes(chunk.length);
      done(null, chunk);
    },
  });
  const body = response.body ? Readable.fromWeb(response.body) : Readable.from([]);
  try {
    await pipeline(body, meter, createWriteStream(part));
  } catch (error) {
    const { code, path: local } = error as NodeJS.ErrnoException;
    if (local !== undefined || code === 'ENOSPC') {
      throw new CliError(EXIT.error, `${ref.name} cannot be written: ${(error as Error).message}`);
    }
    throw api.unreachable(error);
  }
  const sha256 = hash.digest('hex');
  if (sha256 !== ref.sha256) {
    throw new CliError(EXIT.error, `${ref.name} arrived damaged: its SHA-256 is ${sha256}, not ${ref.sha256}`, {
      hint: 'Nothing was kept. Try again; if it stays so, the stored file itself has changed.',
    });
  }
  const file = await open(part, 'r+');
  await file.sync().finally(() => file.close());
}

async function choosePath(folder: string, ref: ArtifactRef): Promise<{ path: string; present: boolean }> {
  const { name, ext } = parse(safeFileName(ref.name));
  for (let number = 1; ; number++) {
    const path = join(folder, number === 1 ? `${name}${ext}` : `${name}-${number}${ext}`);
    const taken = await access(path).then(
      () => true,
      () => false,
    );
    if (!taken) return { path, present: false };
    if (await hasContent(path, ref)) return { path, present: true };
  }
}

async function hasContent(path: string, ref: ArtifactRef): Promise<boolean> {
  const facts = await stat(path);
  if (!facts.isFile() || facts.size !== ref.bytes) return false;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex') === ref.sha256;
}
