import type { FoundOperation, MediaType, Parameter, Schema } from './document.ts';
import { exampleOf, givenExample } from './example-of.ts';
import { flattened, toJsonSchema } from './to-json-schema.ts';

/** How a job's payload becomes a request. */
export interface FoundRequest {
  request: Record<string, unknown>;
  /** JSON Schema; undefined: anything goes. */
  payload: Schema | undefined;
  inputs: Record<string, unknown>[];
  example: Record<string, unknown>;
}

/** Headers that the client makes itself, or the credentials. */
const OWN_HEADERS = new Set(['accept', 'content-type', 'authorization']);

interface Fields {
  properties: Record<string, Schema>;
  required: string[];
  example: Record<string, unknown>;
}

/**
 * Path, parameters and body of an operation, with the payload they are made of.
 * @param credentials names of headers and query parameters that carry them
 * @returns the reason when a service file cannot say it
 */
export function requestOf(
  found: FoundOperation,
  credentials: ReadonlySet<string>,
  remarks: Set<string>,
): FoundRequest | string {
  const fields: Fields = { properties: {}, required: [], example: {} };
  const request: Record<string, unknown> = { method: found.method, path: found.path };
  const body = bodyOf(found, fields, remarks);
  if (typeof body === 'string') return body;
  for (const parameter of parametersOf(found)) {
    if (credentials.has(parameter.name.toLowerCase())) continue;
    const problem = place(parameter, request, fields, remarks);
    if (problem) return problem;
  }
  const open = body.payload === undefined && body.made['body_expression'] !== undefined;
  return {
    request: { ...request, ...body.made },
    payload: open
      ? undefined
      : {
          type: 'object',
          properties: fields.properties,
          ...(fields.required.length > 0 ? { required: fields.required } : {}),
        },
    inputs: body.inputs,
    example: fields.example,
  };
}

function parametersOf({ item, operation }: FoundOperation): Parameter[] {
  const all = new Map<string, Parameter>();
  for (const each of [...(item.parameters ?? []), ...(operation.parameters ?? [])])
    all.set(`${each.in} ${each.name}`, each);
  return [...all.values()];
}

/** @returns what is in the way */
function place(
  parameter: Parameter,
  request: Record<string, unknown>,
  fields: Fields,
  remarks: Set<string>,
): string | undefined {
  const { name, in: where, required = where === 'path', description } = parameter;
  if (where === 'cookie') return required ? `it needs the cookie "${name}"` : undefined;
  if (where === 'header' && OWN_HEADERS.has(name.toLowerCase())) return undefined;
  const field = name in fields.properties ? `${where}_${name}` : name;
  const schema = toJsonSchema(parameter.schema, remarks);
  fields.properties[field] = { ...schema, ...(description ? { description } : {}) };
  if (required) {
    fields.required.push(field);
    fields.example[field] = parameter.example ?? exampleOf(parameter.schema);
  }
  const isList = [parameter.schema?.type].flat().includes('array');
  if (isList && where === 'query') remarks.add(`several values of "${name}" are sent as one, set apart by commas`);
  const value = isList ? `{{ $join(${fieldOf(field)}.$string(), ",") }}` : `{{ ${fieldOf(field)} }}`;
  if (where === 'path') request['path'] = String(request['path']).replaceAll(`{${name}}`, value);
  else {
    const key = where === 'query' ? 'query' : 'headers';
    request[key] = { ...(request[key] as object | undefined), [name]: value };
  }
  return undefined;
}

/** A field of the payload in an expression. */
function fieldOf(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? `payload.${name}` : `payload.\`${name}\``;
}

interface FoundBody {
  made: Record<string, unknown>;
  inputs: Record<string, unknown>[];
  payload?: Schema;
}

function bodyOf({ operation }: FoundOperation, fields: Fields, remarks: Set<string>): FoundBody | string {
  const content = operation.requestBody?.content ?? {};
  const kinds = Object.keys(content);
  if (kinds.length === 0) return { made: {}, inputs: [], payload: {} };
  const kind =
    kinds.find((each) => /\bjson\b/i.test(each)) ??
    kinds.find((each) => each.startsWith('multipart/form-data')) ??
    kinds.find((each) => each.startsWith('application/x-www-form-urlencoded'));
  if (kind === undefined) {
    if (!operation.requestBody?.required) return { made: {}, inputs: [], payload: {} };
    return `its body is ${kinds.join(' or ')}; JSON, multipart/form-data and form fields can be sent`;
  }
  const media = content[kind] as MediaType;
  const schema = flattened(media.schema ?? {});
  if (!schema.properties) return wholeBody(kind, media, schema, fields, remarks);
  const made: Record<string, string> = {};
  const inputs: Record<string, unknown>[] = [];
  const multipart = kind.startsWith('multipart');
  const json = toJsonSchema(schema, remarks);
  for (const [name, property] of Object.entries(json.properties ?? {})) {
    const required = json.required?.includes(name) ?? false;
    const source = flattened(schema.properties[name] ?? {});
    if (multipart && (source.format === 'binary' || source['contentMediaType'] !== undefined)) {
      const { description = '' } = source;
      inputs.push({ field: name, as: 'file', ...(description ? { description } : {}), required });
      fields.properties[name] = {
        type: 'string',
        description: 'Media reference: artifact:…, file:…, https:… or data:…',
      };
      made[name] = `@${name}`;
    } else {
      fields.properties[name] = property;
      made[name] = `{{ ${fieldOf(name)} }}`;
    }
    if (required) fields.required.push(name);
  }
  const example = givenExample(media) ?? exampleOf(schema);
  Object.assign(fields.example, pick(example, Object.keys(made)));
  for (const { field } of inputs)
    if (fields.required.includes(String(field))) fields.example[String(field)] = 'file:harbour.png';
  const key = multipart ? 'multipart' : /\bjson\b/i.test(kind) ? 'body' : 'form';
  return { made: { [key]: made }, inputs, payload: json };
}

/** A body that is no object of known fields: a list, a text, one of several. */
function wholeBody(
  kind: string,
  media: MediaType,
  schema: Schema,
  fields: Fields,
  remarks: Set<string>,
): FoundBody | string {
  if (!/\bjson\b/i.test(kind)) return `the fields of its ${kind} body are not described`;
  const example = givenExample(media) ?? exampleOf(schema);
  const variants = schema.oneOf ?? schema.anyOf;
  const isObject = schema.type === 'object' || variants?.every((each) => flattened(each).properties);
  if (isObject) {
    remarks.add('the body has several forms or free fields: the payload is sent as it is, and the service judges it');
    Object.assign(fields.example, example ?? {});
    return { made: { body_expression: 'payload' }, inputs: [] };
  }
  const json = toJsonSchema(schema, remarks);
  fields.properties['body'] = json;
  fields.required.push('body');
  fields.example['body'] = example;
  return { made: { body_expression: 'payload.body' }, inputs: [], payload: json };
}

function pick(value: unknown, names: readonly string[]): Record<string, unknown> {
  const all = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  return Object.fromEntries(names.filter((name) => all[name] !== undefined).map((name) => [name, all[name]]));
}
