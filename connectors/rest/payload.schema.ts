import { z } from 'zod';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { problemsOf, type RestKind, type RestService, serviceSchema, variablesOf } from './service.schema.ts';

const CONNECTORS: Record<RestKind, string> = {
  sync: 'RestSyncConnector',
  async: 'RestAsyncConnector',
  stream: 'RestStreamConnector',
};

/**
 * The manifests of a service file: one for the service and one for each alias.
 * @throws Error with everything that is wrong with the document, field by field
 */
export function manifestsOf(document: unknown): ServiceManifest[] {
  const parsed = serviceSchema.safeParse(document);
  if (!parsed.success) throw new Error(problemsOf(parsed.error));
  const service = parsed.data;
  const payload = payloadSchema(service);
  const example = payload.safeParse(service.example);
  if (service.payload && !example.success)
    throw new Error(`example: does not fit payload: ${problemsOf(example.error)}`);
  const title = service.title ?? service.service;
  return [service.service, ...service.aliases].map((name) => ({
    service: name,
    title,
    description: service.description ?? `${title}, by HTTP`,
    connectors: [CONNECTORS[service.kind]],
    payload,
    inputs: service.inputs.map(({ field, description, mime, required }) => ({ field, description, mime, required })),
    example: service.example,
    required_env: variablesOf(document),
  }));
}

function payloadSchema({ payload }: RestService): z.ZodType<Record<string, unknown>> {
  if (!payload) return z.record(z.string(), z.unknown());
  try {
    const strict = { type: 'object', additionalProperties: false, ...payload } as const;
    return z.fromJSONSchema(strict) as z.ZodType<Record<string, unknown>>;
  } catch (error) {
    throw new Error(`payload: is no JSON Schema that can be used: ${(error as Error).message}`, { cause: error });
  }
}
