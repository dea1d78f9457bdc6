import type { ServiceManifest } from '../../contract/service-manifest.ts';
import type { Pool } from './pools.schema.ts';

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
}
