import type { z } from 'zod';

/**
 * What the API, the CLI and the router know of a service without loading its connector: data and a schema, no effects.
 * `connectors/<family>/manifest.ts` exports `manifests: ServiceManifest[]`.
 */
export interface ServiceManifest {
  /** The capability; what a job's `service` names. */
  service: string;
  title: string;
  description: string;
  /** Class names of the connectors that can serve it, e.g. `['UpscaleConnector']`. */
  connectors: string[];
  /** Validates and completes the payload. Strict: unknown fields are refused. */
  payload: z.ZodType<Record<string, unknown>>;
  /** Payload fields that hold a media reference; a multipart part of that name is uploaded and put there. */
  inputs: { field: string; description: string; mime: string[]; required: boolean }[];
  /** A payload that works as it is, for the reference and the CLI help. */
  example: Record<string, unknown>;
}
