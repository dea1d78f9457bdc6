import { describe, expect, test } from '@jest/globals';
import { setPath } from '../../cli/input/set-path.ts';
import { CliError } from '../../cli/cli-error.ts';
import { EXIT } from '../../cli/exit-codes.ts';

function set(...assignments: string[]): Record<string, unknown> {
  const document: Record<string, unknown> = {};
  for (const assignment of assignments) setPath(document, assignment);
  return document;
}

describe('values of --set', () => {
  test.each([
    ['4', 4],
    ['-1.5', -1.5],
    ['1e3', 1_000],
    ['true', true],
    ['null', null],
    ['"4"', '4'],
    ['007', '007'],
    ['', ''],
    ['a cat, sitting', 'a cat, sitting'],
    ['[cat]', '[cat]'],
    ['[1,2]', [1, 2]],
    ['{"a":1}', { a: 1 }],
    ['a=b=c', 'a=b=c'],
  ])('%s', (text, value) => {
    expect(set(`x=${text}`)).toEqual({ x: value });
  });

  test('a whole number that JSON would round is refused, with the way to write it as text', () => {
    expect(() => set('seed=12345678901234567890')).toThrow(/larger than JSON numbers/);
    expect(set('seed="12345678901234567890"')).toEqual({ seed: '12345678901234567890' });
  });
});

describe('paths of --set', () => {
  test('dots go into objects, brackets into lists', () => {
    expect(
      set('size.width=64', 'size.height=32', 'loras[0].name=x', 'loras[1].name=y', 'tags[]=a', 'tags[]=b'),
    ).toEqual({
      size: { width: 64, height: 32 },
      loras: [{ name: 'x' }, { name: 'y' }],
      tags: ['a', 'b'],
    });
  });

  test('numbers between dots are names, as the node ids of a graph are, but places of a list that is there', () => {
    expect(set('graph.3.inputs.seed=5')).toEqual({ graph: { 3: { inputs: { seed: 5 } } } });
    expect(set('list=[1,2]', 'list.1=9')).toEqual({ list: [1, 9] });
  });

  test('a backslash keeps a dot within a name', () => {
    expect(set('a\\.b.c=1')).toEqual({ 'a.b': { c: 1 } });
  });

  test('names that every object inherits are names like any other', () => {
    expect(set('constructor.name=x', 'toString=1')).toEqual({ constructor: { name: 'x' }, toString: 1 });
    expect(({} as Record<string, unknown>)['name']).toBeUndefined();
  });

  test.each([
    ['scale', 'must have the form'],
    ['=4', 'must have the form'],
    ['a..b=1', 'is not a path'],
    ['a.=1', 'is not a path'],
    ['a[x]=1', 'is not a path'],
    ['[0]=1', 'must begin with a name'],
    ['a[1]=x', 'would leave a gap'],
    ['__proto__.x=1', 'is a name that is never taken'],
    ['a.__proto__=1', 'is a name that is never taken'],
  ])('%s is refused', (assignment, why) => {
    expect(() => set(assignment)).toThrow(why);
  });

  test('something inside a plain value is refused, with exit code 2', () => {
    try {
      set('a=1', 'a.b=2');
    } catch (error) {
      expect(error).toBeInstanceOf(CliError);
      expect((error as CliError).exitCode).toBe(EXIT.usage);
      expect((error as CliError).message).toContain('1 stands where');
      return;
    }
    throw new Error('it was taken');
  });

  test('a list is no object, and the other way round', () => {
    expect(() => set('a=[1]', 'a.name=2')).toThrow('must be a number');
    expect(() => set('a.b=1', 'a[0]=2')).toThrow('needs a list');
  });
});
