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
  /**
   * The model that a valid payload has loaded, for services whose workers keep models in memory: jobs go first to a
   * worker that has it loaded. Left out: only `requirements.model` tells.
   */
  modelOf?(payload: Record<string, unknown>): string | undefined;
  /** Variables that every worker of the service must have, besides those the mapping lists. */
  required_env?: string[];
}

/**
 * For families whose services are files of the configuration folder: `connectors/<family>/manifest.ts` exports it as
 * `configured`, beside `manifests`.
 */
export interface ConfiguredServices {
  /** Below the configuration folder; each `*.json` in it describes a service. */
  folder: string;
  /** @throws Error with everything that is wrong with the document, fit to show to its author */
  manifestsOf(document: unknown): ServiceManifest[];
}
