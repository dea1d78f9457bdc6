import { constants } from 'node:fs';
import { open, readdir, readFile, realpath, rename, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtifactRef } from '../../contract/artifact.ts';
import type { ArtifactStore, PutOptions } from './artifact-store.ts';
import { inputUri, outputUri, parseArtifactUri, type ArtifactPlace } from './artifact-uri.ts';
import { ensureFolder, syncFolder, writeDurably } from './durable-file.ts';
import { JOB_RECORD_FILE, writeJobRecord } from './job-record.ts';
import { encodeJobFolder } from './job-folder.ts';
import { openLayout, type Layout } from './layout.ts';
import { expectBreak, receiveFile } from './receive-file.ts';
import { safeFileName } from './safe-name.ts';
import { sweepStore } from './sweep-store.ts';

export interface FileArtifactStoreOptions {
  /** How long an input is kept after its last use (stored, looked up or read). Milliseconds; 7 days. */
  inputRetentionMs?: number;
  /** Age after which a temporary file counts as left behind by a dead process. Milliseconds; 24 hours. */
  staleTemporaryMs?: number;
}

const DAY = 86_400_000;

/**
 * Artifacts as files below `root`, which is created on first use: `jobs/<job folder>/<16 hex>/<name>` and
 * `inputs/<sha256>`, each with a metadata file beside it, and `tmp/` for what is being written. Several processes on
 * several machines may share one root.
 */
export function createFileArtifactStore(root: string, options: FileArtifactStoreOptions = {}): ArtifactStore {
  const inputRetentionMs = options.inputRetentionMs ?? 7 * DAY;
  const staleTemporaryMs = options.staleTemporaryMs ?? DAY;
  let opened: Promise<Layout> | undefined;
  const layout = (): Promise<Layout> => {
    opened ??= openLayout(root).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };

  async function find(uri: string): Promise<FoundArtifact | undefined> {
    const place = parseArtifactUri(uri);
    return place && findArtifact((await layout()).root, place, uri);
  }

  return {
    async putOutput(jobId, content, put) {
      expectBreak(content);
      const name = safeFileName(put.name);
      const at = await layout();
      const received = await receiveFile(content, at.temporary, { ...put, name });
      const ref: ArtifactRef = { uri: outputUri(jobId, received.sha256, name), name, ...described(received, put) };
      const folder = encodeJobFolder(jobId);
      await settle(at, received.path, ['jobs', folder, received.sha256.slice(0, 16)], name, ref, () =>
        writeJobRecord(join(at.root, 'jobs', folder), { job_id: jobId }, at.temporary, 'keep'),
      );
      return ref;
    },

    async putInput(content, put) {
      expectBreak(content);
      const name = safeFileName(put.name);
      const at = await layout();
      const received = await receiveFile(content, at.temporary, { ...put, name });
      const ref: ArtifactRef = { uri: inputUri(received.sha256), name, ...described(received, put) };
      await settle(at, received.path, ['inputs'], received.sha256, ref);
      return ref;
    },

    async stat(uri) {
      return (await find(uri))?.ref;
    },

    async read(uri, range) {
      const found = await find(uri);
      const handle = found && (await openPlainly(found.path));
      if (!handle) return undefined;
      return handle.createReadStream({ start: range?.start, end: range?.end });
    },

    async localPath(uri) {
      return (await find(uri))?.path;
    },

    async setExpiry(jobId, at) {
      const { root: realRoot, temporary } = await layout();
      const folder = join(realRoot, 'jobs', encodeJobFolder(jobId));
      await writeJobRecord(folder, { job_id: jobId, expires_at: at.toISOString() }, temporary, 'replace');
    },

    async sweep(now) {
      return sweepStore(await layout(), now, { inputRetentionMs, staleTemporaryMs });
    },
  };
}

function described(received: { sha256: string; bytes: number; mime: string }, put: PutOptions) {
  const { sha256, bytes, mime } = received;
  return { sha256, bytes, mime, ...(put.meta ? { meta: put.meta } : {}) };
}

/** Metadata first, the file last: whoever sees the file can describe it. */
async function settle(
  at: Layout,
  received: string,
  segments: string[],
  file: string,
  ref: ArtifactRef,
  note: () => Promise<void> = async () => {},
): Promise<void> {
  const folder = join(at.root, ...segments);
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await ensureFolder(at.root, segments);
        await note();
        await writeDurably(metadataPath(folder, file), JSON.stringify(ref), at.temporary);
        await rename(received, join(folder, file));
        await syncFolder(folder);
        return;
      } catch (error) {
        // A sweep, or the clean-up of another write that failed, may take the folder away between these steps.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === 3) throw error;
      }
    }
  } catch (error) {
    await undo(at, received, folder, file);
    throw error;
  }
}

/** After a failed write: nothing of it stays, and nothing of an earlier, complete write of the same content goes. */
async function undo(at: Layout, received: string, folder: string, file: string): Promise<void> {
  await rm(received, { force: true });
  if (!(await exists(join(folder, file)))) await rm(metadataPath(folder, file), { force: true }).catch(() => {});
  const job = dirname(folder);
  if (dirname(job) !== at.jobs) return;
  await rmdir(folder).catch(() => {});
  const left = await readdir(job).catch(() => []);
  if (left.length === 1 && left[0] === JOB_RECORD_FILE) await rm(join(job, JOB_RECORD_FILE), { force: true });
  await rmdir(job).catch(() => {});
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

interface FoundArtifact {
  path: string;
  ref: ArtifactRef;
}

/** File names never begin with a dot, so this one is free. */
function metadataPath(folder: string, file: string): string {
  return join(folder, `.${file}.json`);
}

async function findArtifact(root: string, place: ArtifactPlace, uri: string): Promise<FoundArtifact | undefined> {
  const folder = join(root, ...place.folder);
  const path = join(folder, place.file);
  try {
    // Equal only when no part of the path is a symbolic link, and so the file lies below the root.
    if ((await realpath(path)) !== path) return undefined;
    const [file, metadata] = await Promise.all([stat(path), readFile(metadataPath(folder, place.file), 'utf8')]);
    const ref = JSON.parse(metadata) as ArtifactRef;
    if (!file.isFile() || ref.bytes !== file.size) return undefined;
    const now = new Date();
    if (place.kind === 'input') await utimes(path, now, now);
    return { path, ref: { ...ref, uri } };
  } catch (error) {
    if (error instanceof SyntaxError || isGone(error)) return undefined;
    throw error;
  }
}

async function openPlainly(path: string) {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '');
}
