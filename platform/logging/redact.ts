const HIDDEN = '[redacted]';
/** Cheap look whether a line can hold a sensitive key at all; most lines need no parsing. */
const MAY_HOLD_KEY = /token|key|auth|passw|passphrase|secret|cookie|credential|signature|jwt/i;
/** The end of a key, lower case and without separators: `OPENAI_API_KEY`, `x-api-key` and `apiKey` all end in `apikey`. */
const SENSITIVE_KEY =
  /(?:(?:api|access|secret|private|signing|auth|account|subscription|encryption)keys?|password|passwd|passphrase|secrets?|authorization|xauth|cookies?|credentials?|jwt)$/;

/** Secrets that give themselves away inside any text. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer)\s+[\w.~+/=-]{6,}/gi, `$1 ${HIDDEN}`],
  [/\b(Basic)\s+(?=[A-Za-z0-9+/]*[\d=])[A-Za-z0-9+/]{8,}={0,2}/gi, `$1 ${HIDDEN}`],
  [/\bsk-[\w-]{8,}/g, HIDDEN],
  [/\b(?:hf|r8|gh[pousr]|glpat|xox[abprs])[_-][A-Za-z0-9-]{16,}/g, HIDDEN],
  [/\bAKIA[0-9A-Z]{16}\b/g, HIDDEN],
  [/\bAIza[\w-]{30,}/g, HIDDEN],
  [/\beyJ[\w-]{8,600}\.[\w-]{8,4000}\.[\w-]*/g, HIDDEN],
  [/:\/\/[^\s/@:"\\]{0,200}:[^\s/@"\\]{1,500}@/g, `://${HIDDEN}@`],
  [/\b(\w{0,64}(?:api[_-]?key|password|passwd|secret|token|signature))=[^\s&"\\,;]+/gi, `$1=${HIDDEN}`],
  // What only a query string makes a secret.
  [/([?&](?:key|sig|auth|code|password|credential|X-Amz-Credential)=)[^\s&"\\,;]+/gi, `$1${HIDDEN}`],
  [/\b(api[ _-]?key(?: [a-z]{1,12}){0,2}\s{0,3}[:=]\s{0,3}(?:\\")?'?)[^\s"'\\,;]+/gi, `$1${HIDDEN}`],
  [
    /\b([\w-]{0,40}(?:[_-]token|[_-]secret|password|passwd|client secret)\s{0,3}:\s{0,3}'?)[^\s"'\\,;]+/gi,
    `$1${HIDDEN}`,
  ],
  [/\b((?:x-)?api-key|authorization|(?:set-)?cookie):\s*[^"\\]+/gi, `$1: ${HIDDEN}`],
  // JSON inside a text of the JSON line: its quotes are escaped.
  [/((?:api_?key|password|secret|token|authorization)\\+"\s*:\s*\\+")[^"\\]+/gi, `$1${HIDDEN}`],
];

/**
 * Hides secrets in one JSON log line: by the name of the key at any depth, and by shape inside texts. Too much is
 * hidden rather than too little; counts such as `total_tokens` stay.
 */
export function redactLine(line: string): string {
  let text = line;
  if (MAY_HOLD_KEY.test(line)) text = redactKeys(line);
  for (const [pattern, replacement] of PATTERNS) text = text.replace(pattern, replacement);
  return text;
}

function redactKeys(line: string): string {
  let changed = false;
  try {
    const hide = () => {
      changed = true;
      return HIDDEN;
    };
    const copy = JSON.stringify(JSON.parse(line), (key, value: unknown) => {
      if (isSensitive(key, value)) return hide();
      return Array.isArray(value) ? hideInPairs(value, hide) : hideInNamed(value, hide);
    });
    return changed ? `${copy}\n` : line;
  } catch {
    return line;
  }
}

/** Headers as a flat list, or as pairs: `["x-api-key", "…"]`. */
function hideInPairs(list: unknown[], hide: () => string): unknown[] {
  const copy = [...list];
  for (let at = 0; at + 1 < copy.length; at++) {
    const [name, value] = [copy[at], copy[at + 1]];
    if (typeof name === 'string' && typeof value === 'string' && isHeaderName(name)) copy[++at] = hide();
  }
  return copy;
}

/** `{"name": "x-api-key", "value": "…"}`. */
function hideInNamed(value: unknown, hide: () => string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { name, key, header, value: inner } = value as Record<string, unknown>;
  const called = [name, key, header].find((each) => typeof each === 'string' && isHeaderName(each));
  return called !== undefined && typeof inner === 'string' ? { ...value, value: hide() } : value;
}

function isHeaderName(name: string): boolean {
  return name.length <= 64 && /^[\w-]+$/.test(name) && isSensitiveName(name);
}

/** Whether what a key, header or variable of that name holds is a secret. */
export function isSensitiveName(name: string): boolean {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  return SENSITIVE_KEY.test(plain) || plain.endsWith('token');
}

function isSensitive(key: string, value: unknown): boolean {
  if (value === null || value === undefined || value === '' || typeof value === 'boolean') return false;
  // A number under `token` is a count or a position, and so are those under `tokens`.
  if (typeof value === 'number') return !/tokens?$/i.test(key) && isSensitiveName(key);
  const plural = /tokens$/i.test(key) && (typeof value === 'string' || listOfTexts(value));
  return plural || isSensitiveName(key);
}

function listOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.some((entry) => typeof entry === 'string');
}
