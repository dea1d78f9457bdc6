import { readFile } from 'node:fs/promises';
import { pictureHead, type PictureHead } from '../base/picture-head.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobContext } from '../contract/job-context.ts';
import { modeOf, type A1111Payload } from './payload.schema.ts';

/** A picture of the job, ready to be sent. */
export interface Picture {
  base64: string;
  name: string;
  head: PictureHead;
  /** The place in the job document that names it. */
  pointer: string;
}

export interface Inputs {
  pictures: Picture[];
  mask: Picture | undefined;
  /** Arguments of scripts, with their pictures filled in. */
  scriptArgs: unknown[] | undefined;
  alwaysonScripts: Record<string, unknown> | undefined;
}

/** What the server's own library opens, of what sharp tells apart. */
const FORMATS = new Set(['png', 'jpeg', 'webp', 'gif', 'tiff']);
/** Of all pictures of a job together. Bytes; the request holds them as text. */
const MAX_BYTES = 128 * 1_024 * 1_024;

/**
 * Reads the pictures of a job. They are sent as bytes: the server fetches nothing.
 * @throws InputError for a reference that leads nowhere; ConnectorError `validation` for what is no picture
 */
export async function readInputs(payload: A1111Payload, context: JobContext): Promise<Inputs> {
  const reader = new PictureReader(context);
  const named = payload.image
    ? [{ reference: payload.image, pointer: '/payload/image' }]
    : modeOf(payload) === 'extras'
      ? listed(payload.images, 'images')
      : listed(payload.init_images, 'init_images');
  const pictures: Picture[] = [];
  for (const { reference, pointer } of named) pictures.push(await reader.read(reference, pointer));
  const mask = payload.mask === undefined ? undefined : await reader.read(payload.mask, '/payload/mask');
  const filled = async (value: unknown, pointer: string) => (await reader.fill(value, pointer)) as never;
  return {
    pictures,
    mask,
    scriptArgs: payload.script_args && (await filled(payload.script_args, '/payload/script_args')),
    alwaysonScripts: payload.alwayson_scripts && (await filled(payload.alwayson_scripts, '/payload/alwayson_scripts')),
  };
}

function listed(references: readonly string[] | undefined, field: string) {
  return (references ?? []).map((reference, index) => ({ reference, pointer: `/payload/${field}/${index}` }));
}

class PictureReader {
  readonly #context: JobContext;
  #bytes = 0;

  constructor(context: JobContext) {
    this.#context = context;
  }

  async read(reference: string, pointer: string): Promise<Picture> {
    const file = await this.#context.openInput(reference, pointer);
    const refuse = (detail: string, hint: string) =>
      new ConnectorError('validation', `${pointer} ${detail}; ${hint}`, { errors: [{ pointer, detail, hint }] });
    this.#bytes += file.bytes;
    if (this.#bytes > MAX_BYTES) throw refuse('is too large', `all pictures together: at most ${MAX_BYTES} bytes`);
    const head = await pictureHead(file.path);
    if (!head || !FORMATS.has(head.format)) {
      throw refuse(`is no picture that can be used (${head?.format ?? file.mime})`, `give ${[...FORMATS].join(', ')}`);
    }
    return { base64: (await readFile(file.path)).toString('base64'), name: file.name, head, pointer };
  }

  /** Puts pictures where `{"media": "artifact:…"}` stands, at any depth. */
  async fill(value: unknown, pointer: string): Promise<unknown> {
    if (Array.isArray(value)) {
      return Promise.all(value.map((entry, index) => this.fill(entry, `${pointer}/${index}`)));
    }
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [only] = entries;
    if (entries.length === 1 && only?.[0] === 'media' && typeof only[1] === 'string') {
      return (await this.read(only[1], `${pointer}/media`)).base64;
    }
    const filled: [string, unknown][] = [];
    for (const [key, entry] of entries) filled.push([key, await this.fill(entry, `${pointer}/${key}`)]);
    return Object.fromEntries(filled);
  }
}
