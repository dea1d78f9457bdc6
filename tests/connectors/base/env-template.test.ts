import { expect, test } from '@jest/globals';
import { expandEnv, missingEnvVars } from '../../../connectors/base/env-template.ts';

const env = { URL: 'http://real', EMPTY: '', N: '7' };

test.each([
  ['${URL}', 'http://real'],
  ['${URL:-http://default}', 'http://real'],
  ['${ABSENT:-http://default:8188/a-b}', 'http://default:8188/a-b'],
  ['${EMPTY:-fallback}', 'fallback'],
  ['${ABSENT:-}', ''],
  ['${ABSENT}', ''],
  ['a ${N} b ${ABSENT:-c} d', 'a 7 b c d'],
  ['no reference $URL', 'no reference $URL'],
])('%s becomes %s', (template, expected) => {
  expect(expandEnv(template, env)).toBe(expected);
});

test('texts at any depth are expanded, other values stay', () => {
  const template = { a: '${N}', b: { c: ['${ABSENT:-x}', 5, null, true] } };
  expect(expandEnv(template, env)).toEqual({ a: '7', b: { c: ['x', 5, null, true] } });
  expect(template.a).toBe('${N}');
});

test('missing are those required without value and default, all at once', () => {
  const declared = {
    KEY: '${KEY:-}',
    BARE: '${BARE}',
    URL: '${URL:-}',
    OPTIONAL: '${OPTIONAL:-d}',
    UNASKED: '${UNASKED:-}',
  };
  expect(missingEnvVars(declared, env, ['KEY', 'BARE', 'URL', 'OPTIONAL', 'UNDECLARED', 'EMPTY', 'KEY'])).toEqual([
    'KEY',
    'BARE',
    'UNDECLARED',
    'EMPTY',
  ]);
  expect(missingEnvVars(declared, env, [])).toEqual([]);
});
