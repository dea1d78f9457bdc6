import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { addAbortSignal, Readable } from 'node:stream';
import { ArtifactTooLargeError, type PutOptions } from './artifact-store.ts';
import { temporaryPath } from './durable-file.ts';
import { SNIFF_BYTES, sniffMime } from './sniff-mime.ts';

/** Content that lies complete and synced in a temporary file, ready to be renamed into place. */
export interface ReceivedFile {
  path: string;
  sha256: string;
  bytes: number;
  mime: string;
}

/**
 * Call it when the content is taken: a source that breaks before it is read would bring down the process, with nobody
 * listening. Reading it throws the same error.
 */
export function expectBreak(content: Readable | Buffer): void {
  if (!Buffer.isBuffer(content)) content.on('error', () => undefined);
}

/**
 * Streams content into a temporary file while hashing and counting it. On any failure the file is gone.
 * @throws ArtifactTooLargeError past `maxBytes`; the signal's reason on abort; the file system's or the source's error
 */
export async function receiveFile(
  content: Readable | Buffer,
  folder: string,
  options: PutOptions,
): Promise<ReceivedFile> {
  const { signal, maxBytes } = options;
  const source = Buffer.isBuffer(content) ? Readable.from([content]) : content;
  const path = temporaryPath(folder);
  const hash = createHash('sha256');
  const head: Buffer[] = [];
  let bytes = 0;
  let headBytes = 0;
  try {
    signal?.throwIfAborted();
    if (signal) addAbortSignal(signal, source);
    const handle = await open(path, 'wx');
    try {
      for await (const part of source) {
        const chunk: Buffer = Buffer.isBuffer(part) ? part : Buffer.from(part);
        bytes += chunk.length;
        if (bytes > maxBytes) throw new ArtifactTooLargeError(options.name, maxBytes);
        hash.update(chunk);
        if (headBytes < SNIFF_BYTES) {
          head.push(chunk.subarray(0, SNIFF_BYTES - headBytes));
          headBytes += head.at(-1)?.length ?? 0;
        }
        await writeAll(handle, chunk);
      }
      signal?.throwIfAborted();
      await handle.sync();
    } finally {
      await handle.close();
    }
    const mime = await sniffMime(Buffer.concat(head), bytes === headBytes, options.mime);
    return { path, sha256: hash.digest('hex'), bytes, mime };
  } catch (error) {
    source.destroy();
    await rm(path, { force: true });
    signal?.throwIfAborted();
    throw error;
  }
}

async function writeAll(handle: Awaited<ReturnType<typeof open>>, chunk: Buffer): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += (await handle.write(chunk, done, chunk.length - done)).bytesWritten;
  }
}
