import type { z } from 'zod';
import { fieldErrorsOf } from '../../platform/routing/field-errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';

/**
 * A payload by its schema. Jobs are validated before they get to a connector; one that is called directly still
 * answers clearly.
 * @throws ConnectorError `validation` with a pointer for each bad field
 */
export function readPayload<S extends z.ZodType>(schema: S, payload: unknown): z.output<S> {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const errors = fieldErrorsOf(parsed.error, '/payload');
  const text = errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
  throw new ConnectorError('validation', `The payload is not valid: ${text}`, { errors });
}
