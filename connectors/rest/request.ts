import type { ErrorCode } from '../../contract/errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { InputFile } from '../contract/job-context.ts';
import type { HttpRequest } from '../http/http-client.ts';
import { multipartBody, type FormPart } from '../http/multipart.ts';
import { Expression, type Scope } from './expression.ts';
import type { FollowUp } from './request.schema.ts';
import { compilePath, compileTemplate, type Template } from './template.ts';

/** Makes the request for a scope; `files` are the inputs of the kind `file`. */
export type RequestMaker = (scope: Scope, files?: ReadonlyMap<string, InputFile>) => Promise<HttpRequest>;

/**
 * Compiles a request of a service file.
 * @param where its place in the file
 * @param blame the code when a value is missing or wrong
 * @param base what addresses out of answers are relative to
 * @throws ConnectorError `internal`, not to be retried, naming the field whose expression is none
 */
export function compileRequest(request: FollowUp, where: string, blame: ErrorCode, base: string): RequestMaker {
  const path = compilePath(request.path, `${where}.path`, blame, base);
  const query = compileTemplate(request.query ?? {}, `${where}.query`, blame);
  const headers = compileTemplate(request.headers ?? {}, `${where}.headers`, blame);
  const body = compileBody(request, where, blame);
  return async (scope, files = new Map()) => {
    const own = texts(await headers(scope));
    for (const [name, value] of Object.entries(own)) {
      if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
        throw new ConnectorError(blame, `${where}.headers.${name}: "${value}" cannot stand in a header`);
      }
    }
    const made = await body(scope, files);
    return {
      method: request.method,
      path: await path(scope),
      query: texts(await query(scope)),
      ...made,
      headers: { accept: 'application/json, */*;q=0.5', ...made.headers, ...own },
    };
  };
}

type Body = Pick<HttpRequest, 'json' | 'body' | 'headers'>;

function compileBody(
  request: FollowUp,
  where: string,
  blame: ErrorCode,
): (scope: Scope, files: ReadonlyMap<string, InputFile>) => Promise<Body> {
  const { body, body_expression: source, form, multipart } = request;
  if (source !== undefined) {
    const expression = new Expression(source, `${where}.body_expression`);
    return async (scope) => ({ json: (await expression.evaluate(scope, scope, blame)) ?? {} });
  }
  if (form) {
    const template = compileTemplate(form, `${where}.form`, blame);
    return async (scope) => ({
      body: new URLSearchParams(texts(await template(scope))).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  }
  if (multipart) return compileMultipart(multipart, where, blame);
  if (body === undefined) return async () => ({});
  const template = compileTemplate(body, `${where}.body`, blame);
  return async (scope) => ({ json: (await template(scope)) ?? {} });
}

function compileMultipart(fields: Record<string, string>, where: string, blame: ErrorCode) {
  const parts = Object.entries(fields).map(([name, text]): [string, string | Template] => {
    if (text.startsWith('@')) return [name, text.slice(1)];
    return [name, compileTemplate(text, `${where}.multipart.${name}`, blame)];
  });
  return async (scope: Scope, files: ReadonlyMap<string, InputFile>): Promise<Body> => {
    const made: FormPart[] = [];
    for (const [name, part] of parts) {
      if (typeof part === 'string') {
        const file = files.get(part);
        if (file) made.push({ name, file });
        continue;
      }
      const value = await part(scope);
      if (value !== undefined) made.push({ name, value: textOf(value) });
    }
    return multipartBody(made);
  };
}

function texts(value: unknown): Record<string, string> {
  const entries = Object.entries((value ?? {}) as Record<string, unknown>);
  return Object.fromEntries(entries.filter(([, each]) => each !== null).map(([name, each]) => [name, textOf(each)]));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
