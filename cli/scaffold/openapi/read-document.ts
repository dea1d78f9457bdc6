import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { $RefParser } from '@apidevtools/json-schema-ref-parser';
import { parse } from 'yaml';
import { createHttpClient } from '../../../connectors/http/http-client.ts';
import { usageError } from '../../cli-error.ts';
import type { OpenApiDocument } from './document.ts';

const MAX_BYTES = 20 * 1_024 * 1_024;

/**
 * Reads an OpenAPI 3 document, JSON or YAML, and follows its references: within it, and of a file also to files beside
 * it. A document from the network leads nowhere else.
 * @param source path or http(s) URL
 * @throws CliError (usage) saying what is wrong with it
 */
export async function readDocument(source: string, cwd: string): Promise<OpenApiDocument> {
  const isUrl = /^https?:\/\//i.test(source);
  const place = isUrl ? source : resolve(cwd, source);
  const text = await readText(source, place, isUrl);
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw usageError(`${source} is neither JSON nor YAML: ${firstLine(error)}`);
  }
  checkVersion(value, source);
  try {
    return (await $RefParser.dereference(isUrl ? place : pathToFileURL(place).href, value as object, {
      resolve: { http: false, file: isUrl ? false : {} },
      dereference: { circular: true },
    })) as unknown as OpenApiDocument;
  } catch (error) {
    throw usageError(
      `${source}: a reference leads nowhere: ${firstLine(error)}`,
      'Put everything into one document first ("bundle"), if parts of it lie elsewhere.',
    );
  }
}

async function readText(source: string, place: string, isUrl: boolean): Promise<string> {
  try {
    if (!isUrl) return await readFile(place, 'utf8');
    const http = createHttpClient({
      base_url: new URL(place).origin,
      max_response_bytes: MAX_BYTES,
      foreign_addresses: 'any',
    });
    try {
      return await (await http.request({ path: place })).text();
    } finally {
      await http.close();
    }
  } catch (error) {
    throw usageError(`--from-openapi: ${source} cannot be read: ${firstLine(error)}`);
  }
}

function checkVersion(value: unknown, source: string): void {
  const { openapi, swagger } = (value ?? {}) as { openapi?: unknown; swagger?: unknown };
  if (swagger !== undefined) {
    const hint = 'Convert it first, for example: npx swagger2openapi FILE -o openapi.json';
    throw usageError(`${source} is Swagger ${JSON.stringify(swagger)}; OpenAPI 3 is needed`, hint);
  }
  if (typeof openapi === 'string' && /^3\.\d/.test(openapi)) return;
  throw usageError(
    openapi === undefined
      ? `${source} is no OpenAPI document: it has no field "openapi"`
      : `${source}: version ${JSON.stringify(openapi)} is not known; OpenAPI 3 is needed`,
  );
}

function firstLine(error: unknown): string {
  return (error as Error).message.split('\n')[0] ?? '';
}
