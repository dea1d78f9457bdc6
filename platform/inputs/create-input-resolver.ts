import { ArtifactTooLargeError, type ArtifactStore } from '../artifacts/artifact-store.ts';
import type { Config } from '../config/settings.ts';
import { projectRoot } from '../project-root.ts';
import { isPublicAddress } from './address-guard.ts';
import { decodeDataUrl } from './decode-data-url.ts';
import { DEFAULT_TIMEOUTS, download, type DownloadTimeouts } from './download.ts';
import { InputError } from './input-error.ts';
import type { InputFile } from './input-file.ts';
import { openLocalFile } from './open-local-file.ts';
import { mistakeOfReference, schemeOf } from './reference-form.ts';

export interface InputResolverDeps {
  config: Pick<Config, 'inputRoots' | 'maxUploadBytes' | 'allowPrivateInputUrls'>;
  artifacts: ArtifactStore;
  /** What relative `file:` paths start from; the folder of Switchyard's package.json. */
  projectDir?: string;
  timeouts?: Partial<DownloadTimeouts>;
  /** Which IP addresses may be connected to; public ones, or any with `allowPrivateInputUrls`. */
  addressAllowed?: (address: string) => boolean;
}

export interface InputResolver {
  /**
   * Turns a media reference of a payload into a file on this machine: `artifact:` from the store, `data:` (base64),
   * `file:` below an allowed folder, `http(s):` from a public address. What is fetched or decoded goes into the store
   * as an input, so that it is kept once and swept like an upload.
   * @param pointer JSON pointer of the field, for errors
   * @throws InputError, or the signal's reason
   */
  open(reference: string, pointer: string, signal: AbortSignal): Promise<InputFile>;
}

export function createInputResolver(deps: InputResolverDeps): InputResolver {
  const { artifacts, config } = deps;
  const projectDir = deps.projectDir ?? projectRoot();
  const maxBytes = config.maxUploadBytes;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...deps.timeouts };

  const allowed = deps.addressAllowed ?? (config.allowPrivateInputUrls ? () => true : isPublicAddress);

  async function fromStore(uri: string, pointer: string): Promise<InputFile> {
    const [ref, path] = await Promise.all([artifacts.stat(uri), artifacts.localPath(uri)]);
    if (ref && path) return { path, name: ref.name, bytes: ref.bytes, sha256: ref.sha256, mime: ref.mime };
    throw new InputError(
      'not_found',
      pointer,
      'names an artifact that is not in the store',
      'it may have expired, or this worker has another store; upload it again',
    );
  }

  return {
    async open(reference, pointer, signal) {
      signal.throwIfAborted();
      switch (schemeOf(reference)) {
        case 'artifact':
          return fromStore(reference, pointer);
        case 'data': {
          const { bytes, mime } = decodeDataUrl(reference, pointer, maxBytes);
          const ref = await artifacts.putInput(bytes, { name: 'data', mime, maxBytes, signal });
          return fromStore(ref.uri, pointer);
        }
        case 'file':
          return openLocalFile(reference, { projectDir, roots: config.inputRoots, maxBytes, pointer, signal });
        case 'http':
        case 'https': {
          const options = { pointer, maxBytes, allowed, timeouts, signal };
          const uri = await download(reference, options, async ({ body, name, mime }, whole) => {
            const put = artifacts.putInput(body, { name, mime, maxBytes, signal: whole });
            return (await put.catch((error: unknown) => refuseTooLarge(error, pointer, maxBytes))).uri;
          });
          return fromStore(uri, pointer);
        }
        default: {
          const { detail, hint } = mistakeOfReference(reference)!;
          throw new InputError('validation', pointer, detail, hint);
        }
      }
    },
  };
}

function refuseTooLarge(error: unknown, pointer: string, maxBytes: number): never {
  if (!(error instanceof ArtifactTooLargeError)) throw error;
  throw new InputError(
    'payload_too_large',
    pointer,
    `is over the limit of ${maxBytes} bytes`,
    'make it smaller, or raise SWITCHYARD_MAX_UPLOAD_BYTES',
    { cause: error },
  );
}
