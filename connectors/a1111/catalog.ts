import type { A1111Client } from './a1111-client.ts';
import { asRecord, records, textOf, texts } from './documents.ts';

/** Something that a job can name, with all the names that it goes by. */
export interface Named {
  /** What the server wants to hear. */
  name: string;
  also: string[];
}

export interface Script {
  name: string;
  alwayson: boolean;
  /** How many arguments it takes. */
  args: number;
}

/** Lists that are asked for under one path. undefined: the server has no such list, and nobody can check. */
export interface Lists {
  checkpoints: Named[] | undefined;
  vaes: Named[] | undefined;
  samplers: Named[] | undefined;
  schedulers: Named[] | undefined;
  upscalers: Named[] | undefined;
  latentUpscalers: Named[] | undefined;
  styles: Named[] | undefined;
  loras: Named[] | undefined;
  scripts: { txt2img: string[]; img2img: string[] } | undefined;
  txt2imgScripts: Script[] | undefined;
  img2imgScripts: Script[] | undefined;
}

type Source<K extends keyof Lists> = { path: string; read: (answer: unknown) => NonNullable<Lists[K]> };

const SOURCES: { [K in keyof Lists]: Source<K> } = {
  checkpoints: { path: 'sd-models', read: (answer) => records(answer).flatMap(checkpoint) },
  vaes: { path: 'sd-vae', read: (answer) => named(answer, 'model_name') },
  samplers: { path: 'samplers', read: (answer) => named(answer, 'name') },
  schedulers: { path: 'schedulers', read: (answer) => named(answer, 'label', 'name') },
  upscalers: { path: 'upscalers', read: (answer) => named(answer, 'name') },
  latentUpscalers: { path: 'latent-upscale-modes', read: (answer) => named(answer, 'name') },
  styles: { path: 'prompt-styles', read: (answer) => named(answer, 'name') },
  loras: { path: 'loras', read: (answer) => named(answer, 'name', 'alias') },
  scripts: {
    path: 'scripts',
    read: (answer) => ({ txt2img: texts(asRecord(answer)['txt2img']), img2img: texts(asRecord(answer)['img2img']) }),
  },
  txt2imgScripts: { path: 'script-info', read: (answer) => scripts(answer, false) },
  img2imgScripts: { path: 'script-info', read: (answer) => scripts(answer, true) },
};

/** What one server has, by its own lists, each kept for a while. Only lists that a job needs are asked for. */
export class Catalog {
  readonly #client: A1111Client;
  readonly #ttlMs: number;
  readonly #asked = new Map<string, { at: number; answer: Promise<unknown> }>();
  #known: string[] = [];

  constructor(client: A1111Client, ttlMs: number) {
    this.#client = client;
    this.#ttlMs = ttlMs;
  }

  /** Titles of the checkpoints in the last answer; asks nobody. */
  get known(): string[] {
    return this.#known;
  }

  async get<K extends keyof Lists>(kind: K): Promise<Lists[K]> {
    const { path, read } = SOURCES[kind];
    const answer = await this.#ask(path);
    if (answer === undefined) return undefined;
    const list: NonNullable<Lists[K]> = read(answer);
    if (kind === 'checkpoints') this.#known = (list as Named[]).map(({ name }) => name);
    return list;
  }

  /** The next question goes to the server: something may have been installed. */
  forget(kind?: keyof Lists): void {
    if (kind) this.#asked.delete(SOURCES[kind].path);
    else this.#asked.clear();
  }

  #ask(path: string): Promise<unknown> {
    const now = performance.now();
    const before = this.#asked.get(path);
    if (before && now - before.at <= this.#ttlMs) return before.answer;
    const asked = { at: now, answer: this.#client.list(path) };
    this.#asked.set(path, asked);
    // A failure is not kept.
    asked.answer.catch(() => {
      if (this.#asked.get(path) === asked) this.#asked.delete(path);
    });
    return asked.answer;
  }
}

/** The server itself takes any of these for a checkpoint, and quietly keeps the loaded one for anything else. */
function checkpoint(entry: Readonly<Record<string, unknown>>): Named[] {
  const title = textOf(entry['title']);
  if (!title) return [];
  const file = textOf(entry['filename'])?.split(/[\\/]/).at(-1);
  const plain = title.replace(/\s*\[[0-9a-f]+\]$/, '');
  const sha256 = textOf(entry['sha256']);
  const also = [
    textOf(entry['model_name']),
    textOf(entry['hash']),
    sha256,
    sha256?.slice(0, 10),
    file,
    file?.replace(/\.[^.]+$/, ''),
    plain,
    plain.replace(/\.(?:safetensors|ckpt|pt|gguf)$/i, ''),
  ];
  return [{ name: title, also: [...new Set(also.filter((each): each is string => each !== undefined))] }];
}

function named(answer: unknown, field: string, ...others: string[]): Named[] {
  return records(answer).flatMap((entry) => {
    const name = textOf(entry[field]);
    if (!name) return [];
    const also = others.map((other) => textOf(entry[other])).filter((each): each is string => each !== undefined);
    return [{ name, also: [...also, ...texts(entry['aliases'])] }];
  });
}

function scripts(answer: unknown, img2img: boolean): Script[] {
  return records(answer)
    .filter((entry) => entry['is_img2img'] === img2img)
    .flatMap((entry) => {
      const name = textOf(entry['name']);
      const args = Array.isArray(entry['args']) ? entry['args'].length : 0;
      return name ? [{ name, alwayson: entry['is_alwayson'] === true, args }] : [];
    });
}
