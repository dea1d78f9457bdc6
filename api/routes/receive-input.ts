import type { Readable } from 'node:stream';
import type { ArtifactRef } from '../../contract/artifact.ts';
import { safeFileName } from '../../platform/artifacts/safe-name.ts';
import type { ApiContext } from '../context.ts';

/**
 * Streams an upload into the artifact store.
 * @throws ArtifactTooLargeError, or the file system's error
 */
export function receiveInput(
  api: ApiContext,
  content: Readable,
  name: string,
  mime: string | undefined,
  signal?: AbortSignal,
): Promise<ArtifactRef> {
  return api.artifacts.putInput(content, {
    name: safeFileName(name),
    mime: mime === 'application/octet-stream' ? undefined : mime,
    maxBytes: api.config.maxUploadBytes,
    signal,
  });
}
