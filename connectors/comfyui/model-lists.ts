import type { ComfyClient } from './comfy-client.ts';

/** Folders that `/models` lists and that hold no models. */
const NO_MODELS = new Set(['configs', 'custom_nodes']);

/** Model files of one server, by folder, kept for a while. */
export class ModelLists {
  readonly #client: ComfyClient;
  readonly #ttlMs: number;
  #asked: { at: number; lists: Promise<Record<string, string[]>> } | undefined;

  constructor(client: ComfyClient, ttlMs: number) {
    this.#client = client;
    this.#ttlMs = ttlMs;
  }

  byFolder(): Promise<Record<string, string[]>> {
    const now = performance.now();
    if (!this.#asked || now - this.#asked.at > this.#ttlMs) {
      const asked = { at: now, lists: this.#ask() };
      this.#asked = asked;
      // A failure is not kept.
      asked.lists.catch(() => {
        if (this.#asked === asked) this.#asked = undefined;
      });
    }
    return this.#asked.lists;
  }

  /** Names as nodes offer them, each once. */
  async all(): Promise<string[]> {
    return [...new Set(Object.values(await this.byFolder()).flat())].toSorted();
  }

  clear(): void {
    this.#asked = undefined;
  }

  async #ask(): Promise<Record<string, string[]>> {
    const folders = (await this.#client.modelFolders()).filter((folder) => !NO_MODELS.has(folder));
    const lists = await Promise.all(
      folders.map(async (folder) => [folder, await this.#client.modelsIn(folder)] as const),
    );
    return Object.fromEntries(lists);
  }
}
