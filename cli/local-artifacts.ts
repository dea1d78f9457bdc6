import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRef } from '../contract/artifact.ts';
import { parseArtifactUri } from '../platform/artifacts/artifact-uri.ts';
import type { PlacedArtifact } from './output/artifact-lines.ts';
import type { ApiClient } from './api-client/client.ts';

/**
 * Where each artifact is for the user: the file itself when the stack runs on this machine, its address otherwise.
 */
export function placeArtifacts(api: ApiClient, jobId: string, refs: readonly ArtifactRef[]): Promise<PlacedArtifact[]> {
  return Promise.all(
    refs.map(async (ref) => ({ ref, place: (await localPath(api, ref)) ?? artifactUrl(api, jobId, ref) })),
  );
}

export function artifactUrl(api: ApiClient, jobId: string, ref: ArtifactRef): string {
  return api.url(`/jobs/${encodeURIComponent(jobId)}/artifacts/${encodeURIComponent(ref.name)}`).href;
}

async function localPath(api: ApiClient, ref: ArtifactRef): Promise<string | undefined> {
  const { stack } = api.address;
  const place = parseArtifactUri(ref.uri);
  if (!stack || !place) return undefined;
  const path = join(stack.data_dir, 'artifacts', ...place.folder, place.file);
  try {
    const facts = await stat(path);
    return facts.isFile() && facts.size === ref.bytes ? path : undefined;
  } catch {
    return undefined;
  }
}
