/** An input file, made local and checked for size before the connector sees it. */
export interface InputFile {
  /** Path on this machine, readable until the attempt ends. */
  path: string;
  name: string;
  bytes: number;
  sha256: string;
  /** Sniffed; `application/octet-stream` when the content tells nothing. */
  mime: string;
}
