import type { ServiceManifest } from '../../contract/service-manifest.ts';
import type { Pool } from './pools.schema.ts';
import type { ResourceBinding, WorkerEntry } from './service-mapping.schema.ts';

/** One way a service can run: a pool that has a worker type for it. */
export interface CatalogRoute {
  pool: string;
  capability: string;
  connector: string;
  /** Key under `workers` in the mapping; absent for a connector that was found but not mapped. */
  worker_id?: string;
  max_concurrent_jobs?: number;
  timeout_seconds?: number;
  models?: string[];
  /** Environment variables the mapping asks for; the connector class may ask for more. */
  required_env?: string[];
  /** As the mapping writes it; over the connector's settings from the environment. */
  api_config?: Record<string, unknown>;
}

export interface CatalogService {
  name: string;
  manifest: ServiceManifest;
  /** Preferred first. */
  routes: CatalogRoute[];
  type: 'internal' | 'external';
}

/** Services and pools as configured: all that routing rests on. Built once per process; data only. */
export interface Catalog {
  services: ReadonlyMap<string, CatalogService>;
  pools: ReadonlyMap<string, Pool>;
  /** `workers` of the mapping. */
  workers: ReadonlyMap<string, WorkerEntry>;
  /** `resource_bindings` of the mapping. */
  bindings: ReadonlyMap<string, ResourceBinding>;
  /** Services that CONNECTORS leaves out here → the family that would serve them. */
  off: ReadonlyMap<string, string>;
}
