import { createReadStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { A1111Client } from './a1111-client.ts';
import type { WorkRequest } from './build-request.ts';
import { asRecord, textOf } from './documents.ts';

/** A picture that the server has put on its disk. */
export interface SavedPicture {
  name: string;
  open(): Promise<Readable>;
}

/** Files of one submission, where its answer was lost. */
export interface SavedPictures {
  /** @returns all pictures of the request in order; undefined when not all of them are there */
  find(taskId: string, request: WorkRequest, signal: AbortSignal): Promise<SavedPicture[] | undefined>;
  /** Called when the pictures are safe. */
  clear(taskId: string, request: WorkRequest): Promise<void>;
}

/** Scripts make as many as they like; more than that are not looked for. */
const MOST = 1_000;

/**
 * Has the server keep the pictures, in a folder of the task's own. The options hold for this one job: those of the
 * operator come back after it.
 */
export function saving(body: Readonly<Record<string, unknown>>, taskId: string): Record<string, unknown> {
  return {
    ...body,
    save_images: true,
    override_settings: {
      ...asRecord(body['override_settings']),
      samples_save: true,
      save_to_dirs: true,
      directories_filename_pattern: folderOf(taskId),
      // The server puts numbers in front: 00000-picture.png.
      samples_filename_pattern: 'picture',
      save_images_add_number: true,
      // With pictures saved it would make one more of all of them together.
      grid_save: false,
      return_grid: false,
    },
    override_settings_restore_afterwards: true,
  };
}

/** By the route that shows pictures on the server's own page; nothing can be deleted there. */
export class PicturesByHttp implements SavedPictures {
  readonly #client: A1111Client;

  constructor(client: A1111Client) {
    this.#client = client;
  }

  async find(taskId: string, request: WorkRequest, signal: AbortSignal): Promise<SavedPicture[] | undefined> {
    const options = await this.#client.options(signal);
    const extension = textOf(options['samples_format']) ?? 'png';
    const folder = `${outputFolder(options, request).replaceAll('\\', '/')}/${folderOf(taskId)}`;
    const picture = (index: number): SavedPicture => {
      const name = `${String(index).padStart(5, '0')}-picture.${extension}`;
      return {
        name,
        open: async () => {
          const response = await this.#client.file(`${folder}/${name}`, signal);
          if (!response) throw new Error(`${name} has gone from the server`);
          return response.stream;
        },
      };
    };
    const isThere = async (index: number) => {
      const response = await this.#client.file(`${folder}/${picture(index).name}`, signal);
      await response?.discard();
      return response !== undefined;
    };
    const { expected } = request;
    if (expected !== undefined) {
      return (await isThere(expected - 1)) ? Array.from({ length: expected }, (_, index) => picture(index)) : undefined;
    }
    const found: SavedPicture[] = [];
    while (found.length < MOST && (await isThere(found.length))) found.push(picture(found.length));
    return found.length > 0 ? found : undefined;
  }

  async clear(): Promise<void> {}
}

/** From the web UI's folder on this machine; taken away when the pictures are safe. */
export class PicturesOnDisk implements SavedPictures {
  readonly #client: A1111Client;
  readonly #dir: string;

  /** @param dir of the web UI */
  constructor(client: A1111Client, dir: string) {
    this.#client = client;
    this.#dir = dir;
  }

  async find(taskId: string, request: WorkRequest, signal: AbortSignal): Promise<SavedPicture[] | undefined> {
    const folder = await this.#folder(taskId, request, signal);
    const names = (await readdir(folder).catch(() => [])).filter((name) => /^\d+-picture\.\w+$/.test(name)).toSorted();
    const { expected = 1 } = request;
    if (names.length < expected) return undefined;
    return names.map((name) => ({ name, open: async () => createReadStream(join(folder, name)) }));
  }

  async clear(taskId: string, request: WorkRequest): Promise<void> {
    await rm(await this.#folder(taskId, request), { recursive: true, force: true });
  }

  async #folder(taskId: string, request: WorkRequest, signal?: AbortSignal): Promise<string> {
    return join(resolve(this.#dir, outputFolder(await this.#client.options(signal), request)), folderOf(taskId));
  }
}

/** `task(switchyard-0123…)` → `switchyard-0123…` */
function folderOf(taskId: string): string {
  return taskId.replace(/^\w+\(|\)$/g, '');
}

function outputFolder(options: Readonly<Record<string, unknown>>, { route }: WorkRequest): string {
  const own = route === 'img2img' ? 'img2img' : 'txt2img';
  return textOf(options['outdir_samples']) ?? textOf(options[`outdir_${own}_samples`]) ?? `outputs/${own}-images`;
}
