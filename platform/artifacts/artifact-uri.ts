import { encodeJobFolder } from './job-folder.ts';

/** What an `artifact:` URI names: segments relative to the store's root. */
export interface ArtifactPlace {
  kind: 'output' | 'input';
  /** Folder relative to the root, as path segments. */
  folder: string[];
  /** File name in that folder. */
  file: string;
}

const SCHEME = 'artifact:';

/** URI of a job's output. Id and name are percent-encoded, so that `/` separates and nothing else. */
export function outputUri(jobId: string, sha256: string, name: string): string {
  return `${SCHEME}jobs/${encodeURIComponent(jobId)}/${sha256.slice(0, 16)}/${encodeURIComponent(name)}`;
}

export function inputUri(sha256: string): string {
  return `${SCHEME}inputs/${sha256}`;
}

/** Reads an `artifact:` URI; undefined when it is none or could not have been made by this store. */
export function parseArtifactUri(uri: string): ArtifactPlace | undefined {
  if (!uri.startsWith(SCHEME)) return undefined;
  const parts = uri.slice(SCHEME.length).split('/');
  if (parts[0] === 'inputs' && parts.length === 2 && /^[0-9a-f]{64}$/.test(parts[1] ?? '')) {
    return { kind: 'input', folder: ['inputs'], file: parts[1] as string };
  }
  if (parts[0] !== 'jobs' || parts.length !== 4 || !/^[0-9a-f]{16}$/.test(parts[2] ?? '')) return undefined;
  const jobId = decode(parts[1]);
  const name = decode(parts[3]);
  if (!jobId || !name || name.startsWith('.') || /[/\\\p{Cc}]/u.test(name)) return undefined;
  return { kind: 'output', folder: ['jobs', encodeJobFolder(jobId), parts[2] as string], file: name };
}

function decode(part: string | undefined): string | undefined {
  try {
    return part === undefined ? undefined : decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
