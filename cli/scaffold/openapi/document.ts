/** The parts of an OpenAPI 3 document that are looked at, with every reference followed. Nothing in it is trusted. */
export interface OpenApiDocument {
  openapi: string;
  info?: { title?: string; description?: string };
  servers?: Server[];
  paths?: Record<string, PathItem>;
  security?: SecurityRequirement[];
  components?: { securitySchemes?: Record<string, SecurityScheme> };
}

export interface Server {
  url: string;
  variables?: Record<string, { default?: string }>;
}

export type SecurityRequirement = Record<string, string[]>;

export interface SecurityScheme {
  type: string;
  /** apiKey. */
  name?: string;
  in?: string;
  /** http. */
  scheme?: string;
  /** oauth2. */
  flows?: { clientCredentials?: { tokenUrl: string; scopes?: Record<string, string> } };
}

export interface PathItem {
  parameters?: Parameter[];
  servers?: Server[];
  [method: string]: unknown;
}

export interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  deprecated?: boolean;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content?: Record<string, MediaType> };
  responses?: Record<string, { content?: Record<string, MediaType> }>;
  security?: SecurityRequirement[];
  servers?: Server[];
}

export interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
  example?: unknown;
}

export interface MediaType {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, { value?: unknown }>;
}

/** JSON Schema, or the dialect of OpenAPI 3.0. */
export interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  allOf?: Schema[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  enum?: unknown[];
  default?: unknown;
  example?: unknown;
  examples?: unknown[];
  format?: string;
  description?: string;
  nullable?: boolean;
  readOnly?: boolean;
  contentEncoding?: string;
  [key: string]: unknown;
}

/** One operation with its place. */
export interface FoundOperation {
  /** Its operationId, else `POST /path`. */
  id: string;
  method: string;
  path: string;
  item: PathItem;
  operation: Operation;
}
