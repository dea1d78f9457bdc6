import { encodeFile, withFiles } from '../base/hosted/inline-inputs.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { InputFile, JobContext } from '../contract/job-context.ts';
import type { ReplicateApi } from './replicate-api.ts';

/** Up to this size a file goes along as a data URL, as the API's reference advises. Bytes. */
const INLINE = 256 * 1_024;
/** The largest file that can be uploaded. Bytes. */
const LARGEST = 100 * 1_048_576;

interface FileDocument {
  id?: string;
  urls?: { get?: string };
}

/** Files that one job lays down at Replicate for its model to read. */
export class InputFiles {
  readonly #api: ReplicateApi;
  readonly #uploaded: string[] = [];
  /** Label of the API key they belong to: only its account may read them. */
  key: string | undefined;

  readonly #allowPrivate: boolean;

  /** @param allowPrivate whether inputs may name addresses inside the network */
  constructor(api: ReplicateApi, allowPrivate: boolean) {
    this.#api = api;
    this.#allowPrivate = allowPrivate;
  }

  /** The input with our references replaced by what Replicate can read. */
  place(input: Record<string, unknown>, context: JobContext): Promise<Record<string, unknown>> {
    const lay = (file: InputFile, pointer: string) =>
      file.bytes <= INLINE ? encodeFile(file, 'data_uri') : this.#upload(file, pointer, context.signal);
    return withFiles(input, '/payload/input', context, lay, this.#allowPrivate);
  }

  /** They would go by themselves after a day. */
  async remove(): Promise<void> {
    for (const id of this.#uploaded.splice(0)) {
      const gone = this.#api.read((client) => client.send({ method: 'DELETE', path: `files/${id}` }), {
        key: this.key,
      });
      await gone.catch(() => {});
    }
  }

  async #upload(file: InputFile, pointer: string, signal: AbortSignal): Promise<string> {
    if (file.bytes > LARGEST) {
      const detail = `has ${file.bytes} bytes`;
      const hint = `Replicate takes files of at most ${LARGEST}; give an https address instead`;
      throw new ConnectorError('payload_too_large', `${pointer} ${detail}; ${hint}`, {
        errors: [{ pointer, detail, hint }],
      });
    }
    const { value, key } = await this.#api.call(
      (client) => client.send<FileDocument>({ method: 'POST', path: 'files', form: [{ name: 'content', file }] }),
      { signal, key: this.key },
    );
    const url = value?.urls?.get;
    if (!value?.id || !url) throw new ConnectorError('backend_error', 'Replicate took a file and named no address');
    this.key = key.label;
    this.#uploaded.push(value.id);
    return url;
  }
}
