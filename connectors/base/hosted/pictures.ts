import { readFile } from 'node:fs/promises';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { JobContext } from '../../contract/job-context.ts';

/** What the vendors' models look at. */
const PICTURES = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'];

export interface PictureData {
  mime: string;
  base64: string;
}

/** Pictures that go into the request of one job, read as they are needed. */
export class Pictures {
  readonly #context: JobContext | undefined;
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes of all of them together */
  constructor(context: JobContext | undefined, maxBytes: number) {
    this.#context = context;
    this.#maxBytes = maxBytes;
  }

  /** @throws ConnectorError `validation` when it is no picture of a kind that is taken, or all are too large together */
  async open(reference: string, pointer: string): Promise<PictureData> {
    if (!this.#context) throw new ConnectorError('internal', 'Pictures need a job context to be read');
    const file = await this.#context.openInput(reference, pointer);
    const refuse = (detail: string, hint: string) =>
      new ConnectorError('validation', `${pointer} ${detail}; ${hint}`, { errors: [{ pointer, detail, hint }] });
    if (!PICTURES.includes(file.mime)) throw refuse(`is ${file.mime}`, `give one of: ${PICTURES.join(', ')}`);
    this.#bytes += file.bytes;
    if (this.#bytes > this.#maxBytes) {
      throw refuse('is too large', `all pictures together: at most ${this.#maxBytes} bytes`);
    }
    return { mime: file.mime, base64: (await readFile(file.path)).toString('base64') };
  }
}
