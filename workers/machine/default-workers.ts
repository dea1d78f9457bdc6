import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Catalog } from '../../platform/catalog/catalog.ts';
import { missingEnvVars } from '../../connectors/base/env-template.ts';
import type { ProcessBase } from '../process/load-process.ts';
import { hasInstallation } from './services/plan-services.ts';

/** Port of the first pretended program. */
const PRETENDED_PORT = 8600;
const SIMULATION = 'simulation';

/** What a machine runs when nobody says. */
export interface DefaultWorkers {
  catalog: Catalog;
  entries: string[];
  /** More folders that programs may be in. */
  roots: string[];
}

/**
 * The workers of the mapping that can run here as it is: nothing they need is missing, and there are GPUs for those that
 * are bound to some. A program that would have to be installed is for those who name it. On pretended GPUs it is the simulation, with a pretended program on each.
 */
export function defaultWorkers({ config, catalog, env }: ProcessBase, gpus: number): DefaultWorkers {
  if (config.mockGpus > 0 && catalog.workers.has(SIMULATION)) return pretended(catalog);
  let bound = false;
  const entries: string[] = [];
  for (const [id, entry] of catalog.workers) {
    const served = [...catalog.services.values()].some(({ routes }) => routes.some((route) => route.worker_id === id));
    if (!served || id === SIMULATION || missingEnvVars({}, env, entry.required_env ?? []).length > 0) continue;
    // Gigabytes are fetched for whoever asks for them.
    if (hasInstallation(entry)) continue;
    if (entry.resource_binding === 'shared' || entry.resource_binding === 'cpu') entries.push(id);
    // Devices belong to one worker at a time.
    else if (entry.resource_binding === 'gpu' && gpus > 0 && !bound) {
      entries.push(`${id}:auto`);
      bound = true;
    }
  }
  return { catalog, entries, roots: [] };
}

function pretended(catalog: Catalog): DefaultWorkers {
  const here = dirname(fileURLToPath(import.meta.url));
  const entry = catalog.workers.get(SIMULATION)!;
  const workers = new Map(catalog.workers).set(SIMULATION, {
    ...entry,
    resource_binding: 'gpu',
    installer: 'http',
    ports: [PRETENDED_PORT],
    port_increment: 1,
    installer_config: { cwd: here, command: ['node', 'pretended-service.js', '{port}'] },
  });
  return { catalog: { ...catalog, workers }, entries: [`${SIMULATION}:auto`], roots: [here] };
}
