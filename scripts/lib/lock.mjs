import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const REFRESH_MS = 2_000;
/** A holder refreshes its file every 2 s; one this old belongs to a process that is gone. */
const STALE_MS = 20_000;

/**
 * Runs `work` while no other process on this machine runs anything under the same lock file.
 * @template T
 * @param {string} path the lock file; its folder is made
 * @param {{onWait?: (holderPid: number) => void}} options told once when somebody else holds the lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, { onWait }, work) {
  mkdirSync(dirname(path), { recursive: true });
  let told = false;
  while (!(await take(path))) {
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    if (await isAbandoned(path, holder)) await breakLock(path);
    else {
      if (!told) onWait?.(holder);
      told = true;
      await sleep(200);
    }
  }
  const refresh = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), REFRESH_MS);
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    await rm(path, { force: true });
  }
}

async function take(path) {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isAbandoned(path, holder) {
  const age =
    Date.now() -
    (await stat(path).then(
      (s) => s.mtimeMs,
      () => Date.now(),
    ));
  if (age > STALE_MS) return true;
  // An empty file is one whose owner is just writing its number.
  if (!holder) return age > 2_000;
  try {
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Renaming first: of several waiting processes only one gets to remove the file. */
async function breakLock(path) {
  const aside = `${path}.${process.pid}`;
  await rename(path, aside).catch(() => {});
  await rm(aside, { force: true });
}
