import { readFileSync } from 'node:fs';
import addFormatsModule from 'ajv-formats';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Json } from '../hosted/wire.ts';

const ID = 'https://api.openai/requests.json';
const BODIES: Record<string, [body: string, type: string]> = {
  chat: ['POST /chat/completions', 'application/json'],
  responses: ['POST /responses', 'application/json'],
  generations: ['POST /images/generations', 'application/json'],
  edits: ['POST /images/edits', 'multipart/form-data'],
};

let validators: Map<string, ValidateFunction> | undefined;

/** Half a second, once for all doubles of a process; before the first request, which may be one that tests a time-out. */
export function prepareSchemas(): void {
  validators ??= compile();
}

/**
 * Holds a request against what OpenAI publishes of its API (`request-schemas.json` beside this file).
 * @param files names of the form fields that carried files
 * @returns what is not as published, in words; undefined when all is well or the route is not described
 */
export function problemOf(route: string, body: Json, files: readonly string[]): string | undefined {
  const validate = validators?.get(route);
  if (!validate) return undefined;
  const sent = structuredClone(body);
  for (const name of files) sent[name.replace('[]', '')] = name.endsWith('[]') ? ['file'] : 'file';
  if (validate(sent)) return undefined;
  return validate.errors!.map(({ instancePath, message }) => `${instancePath || '/'} ${message}`).join('; ');
}

function compile(): Map<string, ValidateFunction> {
  const document = JSON.parse(readFileSync(new URL('./request-schemas.json', import.meta.url), 'utf8')) as object;
  return new Map(
    Object.entries(BODIES).map(([route, [body, type]]) => {
      // The fields of a form are texts, whatever the schema calls them.
      const ajv = new Ajv2020({ strict: false, allErrors: true, coerceTypes: type !== 'application/json' });
      (addFormatsModule as unknown as (ajv: Ajv2020) => void)(ajv);
      ajv.addSchema({ ...document, $id: ID });
      const pointer = [body, type].map((part) => encodeURIComponent(part.replaceAll('/', '~1'))).join('/');
      return [route, ajv.getSchema(`${ID}#/bodies/${pointer}`)!];
    }),
  );
}
