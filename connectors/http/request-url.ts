export type QueryValue = string | number | boolean | undefined;
export type Query = Readonly<Record<string, QueryValue | readonly QueryValue[]>>;

/**
 * The address of a request. A path goes behind the prefix of the base URL, with or without a leading slash; `..` is
 * resolved, as in every URL. An absolute URL stands by itself.
 */
export function resolveUrl(base: URL, path: string, query: Query = {}): URL {
  const url = /^https?:\/\//i.test(path)
    ? new URL(path)
    : new URL(`${base.href.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`);
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) if (each !== undefined) url.searchParams.append(name, String(each));
  }
  return url;
}

/** For messages: without query, credentials and fragment. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
