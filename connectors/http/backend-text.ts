const MAX_TEXT = 2_000;
/** Fields in which backends say what went wrong, the usual ones first. */
const TEXT_FIELDS = [
  'message',
  'detail',
  'error_description',
  'error',
  'title',
  'msg',
  'description',
  'reason',
  'errors',
];

/**
 * The sentence in an error answer that is meant for people, in whatever way the backend wraps it: OpenAI's
 * `{error: {message}}`, FastAPI's `{detail: [{loc, msg}]}`, RFC 9457's `{title, detail}`, plain text and others.
 * @param body parsed JSON, or text
 * @returns at most 2,000 characters; empty when there is nothing to show
 */
export function backendText(body: unknown): string {
  const text = typeof body === 'string' && /^\s*<(?:!doctype|html)/i.test(body) ? titleOf(body) : textIn(body, 0);
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line;
}

function textIn(value: unknown, depth: number): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || depth > 4) return '';
  if (Array.isArray(value)) {
    const parts = value.slice(0, 20).map((entry) => textIn(entry, depth + 1));
    return parts.filter(Boolean).join('; ');
  }
  const fields = value as Record<string, unknown>;
  for (const name of TEXT_FIELDS) {
    const text = textIn(fields[name], depth + 1);
    if (!text) continue;
    // FastAPI: where in the request, beside what.
    const { loc } = fields;
    return Array.isArray(loc) ? `${loc.join('.')}: ${text}` : text;
  }
  return depth === 0 ? JSON.stringify(value) : '';
}

/** A proxy's error page. */
function titleOf(html: string): string {
  return /<title>([^<]*)<\/title>/i.exec(html)?.[1] ?? '';
}
