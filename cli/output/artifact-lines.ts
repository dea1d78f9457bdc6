import type { ArtifactRef } from '../../contract/artifact.ts';
import { formatBytes } from './format.ts';
import type { Style } from './style.ts';
import { plain } from './text-width.ts';

/** An artifact and where its bytes are: a path on this machine or an address. */
export interface PlacedArtifact {
  ref: ArtifactRef;
  place: string;
}

/** "harbour-x4.png  12.4 MB  image/png  4096×2730" and, below it, where it is. */
export function artifactLines(artifacts: readonly PlacedArtifact[], style: Style, indent = '  '): string[] {
  return artifacts.flatMap(({ ref, place }) => [
    indent +
      [style.bold(plain(ref.name)), formatBytes(ref.bytes), style.dim(plain(ref.mime)), style.dim(metaText(ref.meta))]
        .filter(Boolean)
        .join('  '),
    `${indent}  ${style.accent(plain(place))}`,
  ]);
}

function metaText(meta: ArtifactRef['meta']): string {
  if (!meta) return '';
  const { width, height, ...rest } = meta;
  const parts = Object.entries(rest).map(([key, value]) => `${key} ${value}`);
  if (typeof width === 'number' && typeof height === 'number') parts.unshift(`${width}×${height}`);
  return plain(parts.join(', '));
}
