import type { ErrorCode } from '../../contract/errors.ts';

export type JsonSchema = Record<string, unknown>;

/** `#/components/schemas/NAME`. */
export function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

export interface Parameter {
  name: string;
  in: 'query' | 'header';
  description: string;
  schema: JsonSchema;
  required?: boolean;
  example?: unknown;
}

export interface Content {
  schema: JsonSchema;
  example?: unknown;
  examples?: Record<string, { summary?: string; value: unknown }>;
  encoding?: Record<string, { contentType: string }>;
}

export interface Answer {
  description: string;
  /** Media type → content; absent: no body. */
  content?: Record<string, Content>;
  headers?: Record<string, { description: string; schema: JsonSchema }>;
}

/** What the reference says about one address; path parameters and the common problems are added by the builder. */
export interface Operation {
  id: string;
  tag: 'jobs' | 'artifacts' | 'services' | 'operation' | 'machines' | 'instances';
  summary: string;
  description?: string;
  parameters?: Parameter[];
  body?: { description?: string; required?: boolean; content: Record<string, Content> };
  answers: Record<number, Answer>;
  /** Codes a client should expect beside the common ones. */
  problems?: ErrorCode[];
}

/** An answer with one JSON document. */
export function json(description: string, schema: JsonSchema, headers?: Answer['headers']): Answer {
  return { description, content: { 'application/json': { schema } }, ...(headers ? { headers } : {}) };
}

export const JOB_ID_EXAMPLE = '4t9v0d2m6x8c1q5r7n3k0hjz2w';
