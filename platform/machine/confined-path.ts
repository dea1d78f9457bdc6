import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

/**
 * A path that may not exist yet, below one of the allowed folders once all symbolic links are resolved.
 * @param base what a relative path starts from
 * @returns the absolute path, or undefined when it leads elsewhere
 */
export function confinePath(path: string, base: string, roots: readonly string[]): string | undefined {
  if (path.includes('\0')) return undefined;
  const absolute = resolve(base, path);
  const real = realPath(absolute);
  return roots.some((root) => isWithin(realPath(resolve(root)), real)) ? absolute : undefined;
}

/** Resolves links as far as the path exists; the rest is kept as it is written. */
function realPath(path: string): string {
  let rest = '';
  for (let at = path; ; at = dirname(at)) {
    try {
      return join(realpathSync(at), rest);
    } catch (error) {
      // A link in a circle, or one that we may not follow, leads nowhere we would allow.
      if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '') || dirname(at) === at)
        return sep;
      rest = join(at.slice(dirname(at).length).replace(/^[/\\]/, ''), rest);
    }
  }
}

function isWithin(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
