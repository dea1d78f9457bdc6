import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A path for a temporary file in `folder`, unlike any other. */
export function temporaryPath(folder: string): string {
  return join(folder, `${process.pid}-${randomBytes(8).toString('hex')}`);
}

/** Makes a rename or a creation in this folder survive a power cut. Systems that cannot sync a folder are left alone. */
export async function syncFolder(folder: string): Promise<void> {
  let handle;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EINVAL', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await handle?.close();
  }
}

/**
 * Writes a small file whole: temporary file, fsync, rename, fsync of the folder.
 * @param mode who may read it. Default: what the process's umask leaves
 */
export async function writeDurably(
  path: string,
  content: string,
  temporaryFolder: string,
  mode?: number,
): Promise<void> {
  const temporary = temporaryPath(temporaryFolder);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/**
 * Creates a folder below `root`, durably.
 * @throws Error when something on the way is no folder, a symbolic link included
 */
export async function ensureFolder(root: string, segments: string[]): Promise<string> {
  let path = root;
  for (const segment of segments) {
    const parent = path;
    path = join(parent, segment);
    if (await created(path)) await syncFolder(parent);
    if (!(await lstat(path)).isDirectory()) throw new Error(`${path} must be a folder, and no symbolic link to one`);
  }
  return path;
}

async function created(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
