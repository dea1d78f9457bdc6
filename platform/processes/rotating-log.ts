import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface RotatingLog {
  /** Never throws: a full disk must not end what is being logged. */
  write(line: string): void;
  close(): void;
}

/** Size after which a log is put aside. */
const MAX_BYTES = 20 * 1024 * 1024;
/** How many are kept beside the current one: `name.log.1` is the younger. */
const KEPT = 2;

/** A log file of lines that never takes more than (1 + 2) × `maxBytes` of the disk. */
export function openRotatingLog(path: string, maxBytes = MAX_BYTES): RotatingLog {
  rotateLog(path, maxBytes);
  let fd = openSync(path, 'a');
  let size = statSync(path).size;
  function rotate(): void {
    rotateLog(path, maxBytes);
    const next = openSync(path, 'a');
    closeSync(fd);
    fd = next;
    size = 0;
  }
  return {
    write(line) {
      try {
        if (size > maxBytes) rotate();
        size += writeSync(fd, `${line}\n`);
      } catch {
        // The line is lost; the next one may find room.
      }
    },
    close: () => closeSync(fd),
  };
}

/** Puts a log aside when it has grown past the limit; for a program that writes its own log, before it starts. */
export function rotateLog(path: string, maxBytes = MAX_BYTES): void {
  mkdirSync(dirname(path), { recursive: true });
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= maxBytes) return;
  rmSync(`${path}.${KEPT}`, { force: true });
  for (let n = KEPT - 1; n >= 0; n--) {
    const from = n === 0 ? path : `${path}.${n}`;
    if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${path}.${n + 1}`);
  }
}
