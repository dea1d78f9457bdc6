/** First place where a text stops being JSON. */
export interface JsonMistake {
  offset: number;
  what: string;
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const KEY = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

type Expect = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end' | 'nothing';

const WANTED: Record<Expect, string> = {
  value: 'a value is expected',
  'value-or-end': 'a value or "]" is expected',
  key: 'a field name in double quotes is expected',
  'key-or-end': 'a field name in double quotes or "}" is expected',
  colon: '":" is expected after the field name',
  'comma-or-end': '"," or the closing bracket is expected',
  nothing: 'nothing more is expected',
};

/**
 * Says where a text that `JSON.parse` refused goes wrong: V8 tells the place only sometimes, and quotes the text around
 * it, which may hold secrets. Runs on refused texts only.
 */
export function findJsonMistake(text: string): JsonMistake | undefined {
  const open: ('{' | '[')[] = [];
  let expect: Expect = 'value';
  let at = 0;
  const after = (): Expect => (open.length > 0 ? 'comma-or-end' : 'nothing');
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  for (;;) {
    take(SPACE);
    if (at >= text.length) {
      return expect === 'nothing' ? undefined : { offset: at, what: `it ends too early: ${WANTED[expect]}` };
    }
    const char = text[at]!;
    const closes = (char === '}' && open.at(-1) === '{') || (char === ']' && open.at(-1) === '[');
    if (closes && (expect === 'comma-or-end' || expect === 'key-or-end' || expect === 'value-or-end')) {
      open.pop();
      at += 1;
      expect = after();
    } else if (expect === 'comma-or-end' && char === ',') {
      at += 1;
      expect = open.at(-1) === '{' ? 'key' : 'value';
    } else if (expect === 'colon' && char === ':') {
      at += 1;
      expect = 'value';
    } else if ((expect === 'key' || expect === 'key-or-end') && take(KEY)) {
      expect = 'colon';
    } else if ((expect === 'value' || expect === 'value-or-end') && (char === '{' || char === '[')) {
      open.push(char);
      at += 1;
      expect = char === '{' ? 'key-or-end' : 'value-or-end';
    } else if ((expect === 'value' || expect === 'value-or-end') && take(SCALAR)) {
      expect = after();
    } else {
      const badText = char === '"' && expect !== 'colon' && expect !== 'comma-or-end' && expect !== 'nothing';
      return {
        offset: at,
        what: badText ? 'this text has no end, or holds a bad escape or line break' : WANTED[expect],
      };
    }
  }
}
