import { Readable } from 'node:stream';
import type { FileEntry } from './wire.ts';

const BLOCK = Buffer.alloc(65_536, 'switchyard ');

/** The server's folders, in memory. A file may be a length only: then its bytes are made while they are sent. */
export class Files {
  readonly #files = new Map<string, Buffer | number>();

  put(entry: FileEntry, content: Buffer | number): void {
    this.#files.set(key(entry), content);
  }

  get(entry: FileEntry): { bytes: number; open: () => Readable } | undefined {
    const content = this.#files.get(key(entry));
    if (content === undefined) return undefined;
    return typeof content === 'number'
      ? { bytes: content, open: () => Readable.from(blocks(content)) }
      : { bytes: content.length, open: () => Readable.from([content]) };
  }

  remove(entry: FileEntry): void {
    this.#files.delete(key(entry));
  }

  /** Names below the input folder, as LoadImage lists them. */
  inputs(): string[] {
    return [...this.#files.keys()].filter((name) => name.startsWith('input/')).map((name) => name.slice(6));
  }

  /** What a start does. */
  wipeTemp(): void {
    for (const name of this.#files.keys()) if (name.startsWith('temp/')) this.#files.delete(name);
  }

  /** The next free number of a prefix: `x` → `x_00003_`. Counters are shared by all kinds under one prefix. */
  nextName(prefix: string, type: 'output' | 'temp', extension: string): FileEntry {
    const slash = prefix.lastIndexOf('/');
    const subfolder = slash < 0 ? '' : prefix.slice(0, slash);
    const stem = prefix.slice(slash + 1);
    const start = `${type}/${subfolder ? `${subfolder}/` : ''}${stem}_`;
    const taken = [...this.#files.keys()].filter((name) => name.startsWith(start));
    const last = Math.max(0, ...taken.map((name) => Number.parseInt(name.slice(start.length), 10) || 0));
    return { filename: `${stem}_${String(last + 1).padStart(5, '0')}_${extension}`, subfolder, type };
  }
}

function key({ type, subfolder, filename }: FileEntry): string {
  return `${type}/${subfolder ? `${subfolder}/` : ''}${filename}`;
}

function* blocks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= BLOCK.length) yield left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
}
