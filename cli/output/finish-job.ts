import { resolve } from 'node:path';
import type { ArtifactRef } from '../../contract/artifact.ts';
import type { JobView } from '../../contract/job-view.ts';
import { downloadArtifact } from '../api-client/download.ts';
import { placeArtifacts } from '../local-artifacts.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { createByteMeter } from './byte-meter.ts';
import type { PlacedArtifact } from './artifact-lines.ts';
import { jobEndLines, nextSteps } from './job-end.ts';

export interface FinishOptions {
  /** Fetch the artifacts into this folder. */
  out?: string;
  /** `document`: the job as one JSON document; `stream`: it was an event already; `no`: text for a person. */
  json: 'no' | 'document' | 'stream';
}

/** A fetched artifact as `--json` tells it. */
export interface Downloaded extends ArtifactRef {
  path: string;
}

/** Tells how a job ended and where its outputs are, fetching them first when that was asked for. */
export async function finishJob(session: Session, job: JobView, { out, json }: FinishOptions): Promise<void> {
  const { terminal, api } = session;
  const downloaded = out === undefined ? undefined : await downloadAll(session, job.id, job.artifacts, out);
  if (json === 'document') {
    sayJson(terminal, downloaded ? { ...job, downloaded } : job);
    return;
  }
  if (json === 'stream') {
    if (downloaded) sayJson(terminal, { type: 'downloaded', job_id: job.id, artifacts: downloaded }, 'line');
    return;
  }
  const placed: PlacedArtifact[] = downloaded
    ? downloaded.map(({ path, ...ref }) => ({ ref, place: path }))
    : await placeArtifacts(api, job.id, job.artifacts);
  for (const line of jobEndLines(job, placed, terminal.style, terminal.stdout.columns ?? 120)) say(terminal, line);
  for (const line of nextSteps(job)) note(terminal, `  ${terminal.errorStyle.dim(line)}`);
}

/** Fetches one after the other: they come from one disk over one line. @throws CliError */
export async function downloadAll(
  session: Session,
  jobId: string,
  refs: readonly ArtifactRef[],
  out: string,
): Promise<Downloaded[]> {
  const folder = resolve(session.terminal.cwd, out);
  const downloaded: Downloaded[] = [];
  for (const ref of refs) {
    const meter = createByteMeter(session, `Fetching ${ref.name}`, ref.bytes);
    try {
      const path = await downloadArtifact(session.api, jobId, ref, folder, meter.add);
      downloaded.push({ ...ref, path });
    } finally {
      meter.stop();
    }
  }
  return downloaded;
}
