import type { ConfiguredServices, ServiceManifest } from '../../contract/service-manifest.ts';
import { manifestsOf } from './payload.schema.ts';

/** All services of this family come from files. */
export const manifests: ServiceManifest[] = [];

export const configured: ConfiguredServices = { folder: 'rest', manifestsOf };
