import addFormatsModule from 'ajv-formats';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Json } from './wire.ts';

const ID = 'https://published.double/requests.json';
const JSON_TYPE = 'application/json';
const FORM_TYPE = 'multipart/form-data';
/** Stands for a part of a form that is a file; a text there is none. */
const FILE = '(a file)';

/** What a vendor's OpenAPI document says of requests, by route (`POST /jobs`), reduced to structure. */
export interface PublishedRequests {
  /** Schemas of bodies, by content type. */
  bodies: Record<string, Record<string, object>>;
  /** Schemas of the headers, names in small letters, and of the query; values are texts. */
  headers?: Record<string, object>;
  queries?: Record<string, object>;
  /** What `#/components/...` means in the schemas. */
  components?: object;
}

/** A request as a double has read it. */
export interface SentRequest {
  /** Parsed JSON, or the fields of a form. */
  body?: Json | undefined;
  /** Names of the form fields that carried files; undefined: no form. */
  files?: readonly string[] | undefined;
  headers?: Json | undefined;
  query?: URLSearchParams | undefined;
}

/**
 * Holds requests against what a vendor publishes of its API. Compiling takes up to half a second, once for all doubles
 * of a process: `prepare` before the first request, which may be one that tests a time-out.
 */
export class PublishedSchema {
  readonly #read: () => PublishedRequests;
  #compiled: Compiled | undefined;

  /** @param read called once, when the first double starts */
  constructor(read: () => PublishedRequests) {
    this.#read = read;
  }

  prepare(): void {
    this.#compiled ??= compile(this.#read());
  }

  /** @returns what is not as published, in words; undefined when all is well or the route is not described */
  problemOf(route: string, sent: SentRequest): string | undefined {
    const problems = this.errorsOf(route, sent).map(
      ({ instancePath, message, params }) => `${instancePath || '/'} ${message}${detailOf(params)}`,
    );
    return problems.length > 0 ? [...new Set(problems)].join('; ') : undefined;
  }

  /** The same as the validator's own errors. Those of headers and query have their names as paths, too. */
  errorsOf(route: string, { body, files, headers, query }: SentRequest): ErrorObject[] {
    this.prepare();
    const { bodies, headers: heads, queries } = this.#compiled!;
    const described = bodies.get(route);
    const validate = described?.get(files ? FORM_TYPE : JSON_TYPE);
    if (described && !validate) return [unknownType(files ? FORM_TYPE : JSON_TYPE)];
    return [
      ...found(validate, files ? formOf(body, files) : (body ?? {})),
      ...found(heads.get(route), { ...headers }),
      ...found(queries.get(route), Object.fromEntries(query ?? [])),
    ];
  }
}

interface Compiled {
  bodies: Map<string, Map<string, ValidateFunction>>;
  headers: Map<string, ValidateFunction>;
  queries: Map<string, ValidateFunction>;
}

function compile(document: PublishedRequests): Compiled {
  const plain = validator(document, false);
  // Fields of a form, headers and queries are texts, whatever the schema calls them.
  const texts = validator(document, true);
  const texted = (part: 'headers' | 'queries') =>
    new Map(Object.keys(document[part] ?? {}).map((route) => [route, texts(part, route)]));
  const types = (route: string, byType: object) =>
    Object.keys(byType).map((type) => [type, (type === JSON_TYPE ? plain : texts)('bodies', route, type)] as const);
  const bodies = Object.entries(document.bodies).map(
    ([route, byType]) => [route, new Map(types(route, byType))] as const,
  );
  return { bodies: new Map(bodies), headers: texted('headers'), queries: texted('queries') };
}

function validator(document: PublishedRequests, coerceTypes: boolean): (...path: string[]) => ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true, discriminator: true, coerceTypes });
  (addFormatsModule as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addFormat('binary', (value) => value === FILE);
  ajv.addSchema({ ...document, $id: ID });
  return (...path) => {
    const pointer = path.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
    return ajv.getSchema(`${ID}#/${pointer}`)!;
  };
}

function found(validate: ValidateFunction | undefined, value: unknown): ErrorObject[] {
  return !validate || validate(value) ? [] : (validate.errors ?? []);
}

function formOf(body: Json | undefined, files: readonly string[]): Json {
  const sent: Json = { ...body };
  for (const name of files) sent[name.replace('[]', '')] = name.endsWith('[]') ? [FILE] : FILE;
  return sent;
}

function unknownType(type: string): ErrorObject {
  return { keyword: 'content-type', instancePath: '', schemaPath: '', params: {}, message: `must not be ${type}` };
}

/** Ajv's messages leave out which field is too many, and which values there are. */
function detailOf({ additionalProperty, allowedValues, tagValue }: Record<string, unknown>): string {
  const detail = additionalProperty ?? allowedValues ?? tagValue;
  return detail === undefined ? '' : ` (${JSON.stringify(detail)})`;
}
