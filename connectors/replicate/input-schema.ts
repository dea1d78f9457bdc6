import { z } from 'zod';
import { fieldErrorsOf } from '../../platform/routing/field-errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { VersionDocument } from './documents.ts';

/** What a model takes, by its own description. */
export type InputSchema = z.ZodType;

/** @returns undefined when the version does not say, or says it in a way that is not understood */
export function inputSchemaOf(version: VersionDocument | null | undefined): InputSchema | undefined {
  const { Input, ...others } = version?.openapi_schema?.components?.schemas ?? {};
  if (typeof Input !== 'object' || Input === null) return undefined;
  // OpenAPI's references lead elsewhere than JSON Schema's, and `format: uri` also means data URLs and our references.
  // A model passes over what it does not know: a slip of the pen would be paid for and change nothing.
  const text = JSON.stringify({ additionalProperties: false, ...Input, $defs: others }, (key, value: unknown) =>
    key === 'format' && typeof value === 'string' ? undefined : value,
  ).replaceAll('"#/components/schemas/', '"#/$defs/');
  try {
    return z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0]);
  } catch {
    return undefined;
  }
}

/** @throws ConnectorError `validation` naming each place */
export function checkInput(schema: InputSchema, input: Record<string, unknown>, model: string): void {
  // Optional fields may be null, which JSON Schema does not say as OpenAPI 3.0 does.
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
  const parsed = schema.safeParse(given);
  if (parsed.success) return;
  const errors = fieldErrorsOf(parsed.error, '/payload/input');
  const text = errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
  throw new ConnectorError('validation', `${model} does not take this input: ${text}`, { errors });
}
