const HIDDEN = '[redacted]';
/** Cheap look whether a line can hold a sensitive key at all; most lines need no parsing. */
const MAY_HOLD_KEY = /token|key|authorization|passw|passphrase|secret|cookie|credential/i;
/** The end of a key, lower case and without separators: `OPENAI_API_KEY`, `x-api-key` and `apiKey` all end in `apikey`. */
const SENSITIVE_KEY =
  /(?:apikey|accesskey|secretkey|privatekey|signingkey|password|passwd|passphrase|secrets?|authorization|cookies?|credentials?)$/;

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
    const copy = JSON.stringify(JSON.parse(line), (key, value: unknown) => {
      if (!isSensitive(key, value)) return value;
      changed = true;
      return HIDDEN;
    });
    return changed ? `${copy}\n` : line;
  } catch {
    return line;
  }
}

function isSensitive(key: string, value: unknown): boolean {
  if (value === null || value === undefined || value === '' || typeof value === 'boolean') return false;
  const plain = key.toLowerCase().replace(/[^a-z0-9]/g, '');
  // A number under `token` is a count or a position.
  return SENSITIVE_KEY.test(plain) || (plain.endsWith('token') && typeof value !== 'number');
}
