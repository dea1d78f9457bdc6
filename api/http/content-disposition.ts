/** Types a browser shows without running anything from them; SVG and HTML are none. */
const INLINE = /^(?:image\/(?:png|jpeg|webp|gif|avif|bmp|tiff)|video\/[\w.+-]+|audio\/[\w.+-]+|application\/pdf)$/;

/**
 * Content-Disposition of an artifact (RFC 6266): shown in place when that is safe, else saved.
 * @param name a safe file name of the store's making
 */
export function contentDisposition(name: string, mime: string, download: boolean): string {
  const kind = !download && INLINE.test(mime) ? 'inline' : 'attachment';
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
