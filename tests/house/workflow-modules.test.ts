import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { ROOT } from './repository.ts';

/**
 * The workflow bundle's modules are evaluated once and shared by all workflows of a worker (scripts/build.mjs). State in one
 * of them would leak from job to job and make them differ on replay.
 */
function modulesOf(entry: string): string[] {
  const found = new Set<string>();
  const visit = (file: string) => {
    if (found.has(file) || !existsSync(file)) return;
    found.add(file);
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles)
      if (fileName.startsWith('.')) visit(join(dirname(file), fileName));
  };
  visit(entry);
  return [...found];
}

/** What of the module's own level could hold state. */
function stateOf(source: ts.SourceFile): string[] {
  return source.statements.flatMap((statement) => {
    if (!ts.isVariableStatement(statement)) return [];
    const { declarations, flags } = statement.declarationList;
    if (!(flags & ts.NodeFlags.Const)) return declarations.map((one) => `${one.name.getText(source)} can be set anew`);
    return declarations.flatMap(({ name, type, initializer }) => {
      const readonly = type !== undefined && /^(?:Readonly|readonly\b)/.test(type.getText(source));
      const made = initializer && ts.isNewExpression(initializer) ? initializer.expression.getText(source) : '';
      const empty =
        initializer !== undefined &&
        ((ts.isArrayLiteralExpression(initializer) && initializer.elements.length === 0) ||
          (ts.isObjectLiteralExpression(initializer) && initializer.properties.length === 0));
      if (readonly || !(empty || /^(?:Map|Set|WeakMap|WeakSet|Array)$/.test(made))) return [];
      return [`${name.getText(source)} can be filled; give it a type that is read only`];
    });
  });
}

const parse = (text: string) => ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest);

describe('modules of the workflow bundle', () => {
  const files = modulesOf(join(ROOT, 'workflows', 'index.ts'));

  test('are found', () => {
    expect(files.map((file) => relative(ROOT, file))).toEqual(
      expect.arrayContaining([join('workflows', 'job-router.ts'), join('contract', 'ids.ts')]),
    );
  });

  test.each(files.map((file) => relative(ROOT, file)))('%s keeps no state', (file) => {
    expect(stateOf(parse(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
  });

  test.each([
    'let a = 1;',
    'export let a: string | undefined;',
    'const seen = new Map<string, number>();',
    'const all: string[] = [];',
    'export const cache = {};',
  ])('%s is found', (text) => {
    expect(stateOf(parse(text))).toHaveLength(1);
  });

  test.each(["const a: ReadonlySet<string> = new Set(['b']);", 'const a = 1;', 'const a = [1, 2] as const;'])(
    '%s is let through',
    (text) => {
      expect(stateOf(parse(text))).toEqual([]);
    },
  );
});
