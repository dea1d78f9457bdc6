import { describe, expect, test } from '@jest/globals';
import { Expression } from '../../../connectors/rest/expression.ts';
import { compilePath, compileTemplate } from '../../../connectors/rest/template.ts';
import { failureOf } from '../http/local-server.ts';

const evaluate = (source: string, input: unknown = {}, scope = {}) =>
  new Expression(source, 'it.field').evaluate(input, scope);

describe('expressions', () => {
  test('see the answer as root and the scope as variables, and give plain JSON', async () => {
    expect(await evaluate('a.b[c=1].d & $payload.x', { a: { b: [{ c: 1, d: 3 }] } }, { payload: { x: '!' } })).toBe(
      '3!',
    );
    expect(await evaluate('items.id', { items: [{ id: 1 }, { id: 2 }] })).toEqual([1, 2]);
    expect(await evaluate('nothing')).toBeUndefined();
    expect(await evaluate('function($x) { $x }')).toBeUndefined();
  });

  test('numbers, texts and lists', async () => {
    const at = (source: string) => new Expression(source, 'it');
    expect(await at('p').number({ p: '42.5' }, {})).toBe(42.5);
    expect(await at('p').number({ p: 'much' }, {})).toBeUndefined();
    expect(await at('p').text({ p: 7 }, {})).toBe('7');
    expect(await at('p').text({ p: null }, {})).toBeUndefined();
    expect(await at('p').list({ p: 'one' }, {})).toEqual(['one']);
    expect(await at('p').list({}, {})).toEqual([]);
  });

  test('one that is none is named with its field', () => {
    expect(() => new Expression('a[', 'tts.response.result')).toThrow(/tts\.response\.result: "a\[" is no JSONata/);
  });

  test.each([
    ['endless recursion', '($f := function($n) { $f($n + 1) }; $f(0))', 'D1012'],
    ['deep recursion', '($f := function($n) { 1 + $f($n + 1) }; $f(0))', 'D1011'],
    ['a huge list', '[1..5000000]', 'D2015'],
  ])('%s is stopped', async (_, source, code) => {
    const error = await failureOf(evaluate(source));
    expect(error).toMatchObject({ code: 'backend_error' });
    expect(error.message).toContain(code);
  });

  test('a regular expression that backtracks without end is stopped', async () => {
    const error = await failureOf(evaluate('$match(text, /^(a+)+$/)', { text: `${'a'.repeat(60)}!` }));
    expect(error.message).toContain('it.field');
    expect(await evaluate('$replace(text, /b+/, "x")', { text: 'abba' })).toBe('axa');
    expect(await evaluate('$match(text, /(\\d)(\\d)/).groups', { text: '12 34' })).toEqual(['1', '2', '3', '4']);
    expect(await evaluate('$split(text, /\\s*,\\s*/)', { text: 'a , b,c' })).toEqual(['a', 'b', 'c']);
  });

  test('whose data does not fit is told by the code', async () => {
    const expression = new Expression('$number(a)', 'it.request.body.n');
    expect(await failureOf(expression.evaluate({ a: 'x' }, {}, 'validation'))).toMatchObject({ code: 'validation' });
  });
});

describe('templates', () => {
  const scope = { payload: { text: 'a "b" {c}', n: 3, list: [1, 2], flag: false }, params: { model: 'm' } };
  const fill = (document: unknown) => compileTemplate(document, 'it')(scope);

  test('a text that is one expression keeps the type; others become text', async () => {
    expect(await fill('{{ payload.n }}')).toBe(3);
    expect(await fill(' {{ payload.list }} ')).toEqual([1, 2]);
    expect(await fill('{{ payload.flag }}')).toBe(false);
    expect(await fill('n={{ payload.n }}, {{ params.model }}: {{ payload.nothing }}')).toBe('n=3, m: ');
    expect(await fill('no expression')).toBe('no expression');
    expect(await fill('{{ {"a": {"b": payload.n}} }}')).toEqual({ a: { b: 3 } });
  });

  test('documents are filled throughout; what comes to nothing is left out', async () => {
    const document = {
      a: [1, '{{ payload.n }}', '{{ payload.none }}'],
      b: { c: '{{ payload.none }}', d: null },
      e: true,
    };
    expect(await fill(document)).toEqual({ a: [1, 3], b: { d: null }, e: true });
  });

  test('what a client sends is data, never part of the template', async () => {
    const hostile = { payload: { text: '{{ params.secret }}' }, params: { secret: 's' } };
    expect(await compileTemplate({ t: '{{ payload.text }}', u: 'x {{ payload.text }}' }, 'it')(hostile)).toEqual({
      t: '{{ params.secret }}',
      u: 'x {{ params.secret }}',
    });
  });

  test('values in a path stay one segment', async () => {
    const path = (text: string, id: string) => compilePath(text, 'it', 'validation', 'http://h/v1')({ id });
    expect(await path('/jobs/{{ id }}/status', 'a/../b?c#d é')).toBe('/jobs/a%2F..%2Fb%3Fc%23d%20%C3%A9/status');
    for (const id of ['..', '.', ''])
      expect(await failureOf(path('/jobs/{{ id }}', id))).toMatchObject({ code: 'validation' });
  });

  test('a path that is one expression is an address out of an answer', async () => {
    const path = (url: string) => compilePath('{{ url }}', 'it', 'backend_error', 'http://h/v1')({ url });
    expect(await path('https://other/x?y=1')).toBe('https://other/x?y=1');
    expect(await path('/x')).toBe('http://h/x');
    expect(await path('x')).toBe('http://h/v1/x');
    for (const url of ['file:///etc/passwd', 'javascript:1', '']) {
      expect(await failureOf(path(url))).toMatchObject({ code: 'backend_error' });
    }
  });
});
