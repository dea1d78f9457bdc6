/** A reference to stored bytes. References travel through Temporal and HTTP; the bytes never do. */
export interface ArtifactRef {
  /** `artifact:jobs/<job id>/<16 hex of the sha256>/<name>` or `artifact:inputs/<sha256>`. */
  uri: string;
  /** File name for people, made safe by the store: one path segment, no leading dot. */
  name: string;
  /** Hex SHA-256 of the content. */
  sha256: string;
  bytes: number;
  /** Sniffed from the content; what the connector claimed is used only where nothing can be sniffed (text, JSON). */
  mime: string;
  /** Small facts a viewer wants without opening the file, e.g. `{width: 1024, height: 768}`. */
  meta?: Record<string, string | number | boolean>;
}
