import leven from 'leven';

/**
 * The name somebody may have meant: the candidate that differs least, when it differs little.
 * @returns undefined when none is near
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  const most = name.length < 3 ? 1 : Math.max(2, Math.floor(name.length / 3));
  let best: string | undefined;
  let least = most + 1;
  for (const candidate of candidates) {
    const distance = leven(wanted, candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** "did you mean a? there are: a, b", as much of it as there is to say. */
export function meant(name: string, candidates: readonly string[]): string {
  const guess = nearest(name, candidates);
  const all = `there are: ${candidates.join(', ') || 'none'}`;
  return guess === undefined ? all : `did you mean ${guess}? ${all}`;
}
