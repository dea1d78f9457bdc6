import type { ErrorCode } from '../../contract/errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { Expression, type Scope } from './expression.ts';

const PLACE = /\{\{([\s\S]+?)\}\}/g;
const WHOLE = /^\s*\{\{([\s\S]+)\}\}\s*$/;

/** A compiled template: gives the value for a scope. */
export type Template = (scope: Scope) => Promise<unknown>;

/**
 * Compiles a JSON document whose texts may hold `{{ expression }}`. A text that is one expression becomes its value, of
 * whatever type; fields and elements that come to nothing are left out.
 * @param blame the code when an expression fails: the payload does not fit (`validation`), or an earlier answer
 */
export function compileTemplate(document: unknown, where: string, blame: ErrorCode = 'validation'): Template {
  if (typeof document === 'string') return compileText(document, where, blame);
  if (Array.isArray(document)) {
    const parts = document.map((entry, index) => compileTemplate(entry, `${where}.${index}`, blame));
    return async (scope) =>
      (await Promise.all(parts.map((part) => part(scope)))).filter((value) => value !== undefined);
  }
  if (typeof document === 'object' && document !== null) {
    const parts = Object.entries(document).map(
      ([key, entry]) => [key, compileTemplate(entry, `${where}.${key}`, blame)] as const,
    );
    return async (scope) => {
      const entries = await Promise.all(parts.map(async ([key, part]) => [key, await part(scope)] as const));
      return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
    };
  }
  return async () => document;
}

function compileText(text: string, where: string, blame: ErrorCode): Template {
  const inner = WHOLE.exec(text)?.[1];
  if (inner !== undefined && !inner.includes('{{')) {
    const expression = new Expression(inner, where);
    return (scope) => expression.evaluate(scope, scope, blame);
  }
  const render = compileParts(text, where, blame, (value) => value);
  return (scope) => render(scope);
}

/**
 * Compiles the path of a request. Values are encoded, so that they stay what they are: one segment. A path that is one
 * expression altogether is an address out of an answer: it is resolved against `base` as a browser would.
 */
export function compilePath(
  text: string,
  where: string,
  blame: ErrorCode,
  base: string,
): (scope: Scope) => Promise<string> {
  if (WHOLE.test(text)) {
    const whole = compileText(text, where, blame);
    return async (scope) => {
      const value = await whole(scope);
      if (typeof value === 'string' && value !== '') return addressIn(value, base, where);
      throw new ConnectorError(blame, `${where}: "${text}" gives no address`);
    };
  }
  return compileParts(text, where, blame, (value) => {
    if (value !== '' && value !== '.' && value !== '..') return encodeURIComponent(value);
    throw new ConnectorError(blame, `${where}: "${value}" cannot stand in "${text}"`);
  });
}

/**
 * An address out of an answer as an absolute URL.
 * @throws ConnectorError `backend_error` when it is none, or leads elsewhere than over HTTP
 */
export function addressIn(value: string, base: string, where: string): string {
  const root = `${base.replace(/\/+$/, '')}/`;
  const url = URL.canParse(value, root) ? new URL(value, root) : undefined;
  if (url && /^https?:$/.test(url.protocol)) return url.href;
  throw new ConnectorError('backend_error', `${where}: ${JSON.stringify(value.slice(0, 200))} is no HTTP address`);
}

function compileParts(
  text: string,
  where: string,
  blame: ErrorCode,
  encode: (value: string) => string,
): (scope: Scope) => Promise<string> {
  const parts: (string | Expression)[] = [];
  let end = 0;
  for (const match of text.matchAll(PLACE)) {
    parts.push(text.slice(end, match.index), new Expression(match[1] as string, where));
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return async (scope) => {
    const texts = parts.map(async (part) =>
      typeof part === 'string' ? part : encode((await part.text(scope, scope, blame)) ?? ''),
    );
    return (await Promise.all(texts)).join('');
  };
}
