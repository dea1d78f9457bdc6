import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Request, Response } from 'express';
import { bounded } from '../../platform/jobs/temporal-calls.ts';
import type { ApiContext } from '../context.ts';

/** A probe must not hang as long as a request may. Milliseconds. */
const CHECK_MS = 2_000;
/** Below this the artifact store is as good as full. Bytes. */
const LEAST_FREE = 16 * 1_024 * 1_024;

interface Check {
  ok: boolean;
  detail?: string;
}

/** The process is up: never asks anybody else, so that Temporal's outage does not get the API restarted. */
export function livez(_req: Request, res: Response): void {
  res.json({ status: 'ok' });
}

/** The process can do its work now. */
export function readyz(api: ApiContext) {
  return async (_req: Request, res: Response): Promise<void> => {
    const [temporal, artifacts] = await Promise.all([checkTemporal(api), checkArtifacts(api)]);
    const ok = temporal.ok && artifacts.ok;
    if (!ok) res.setHeader('Retry-After', '2');
    res.status(ok ? 200 : 503).json({ status: ok ? 'ok' : 'unavailable', checks: { temporal, artifacts } });
  };
}

async function checkTemporal({ client }: ApiContext): Promise<Check> {
  const { namespace } = client.options;
  try {
    await bounded(client, CHECK_MS, () => client.workflowService.describeNamespace({ namespace }));
    return { ok: true };
  } catch (error) {
    return { ok: false, detail: (error as Error).message };
  }
}

async function checkArtifacts({ config }: ApiContext): Promise<Check> {
  const folder = join(config.dataDir, 'artifacts');
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    return free < LEAST_FREE ? { ok: false, detail: `only ${free} bytes are free in ${folder}` } : { ok: true };
  } catch (error) {
    return { ok: false, detail: (error as Error).message };
  }
}
