import type { Client } from '@temporalio/client';
import { moveJobs } from '../../platform/temporal/deployments/change-deployments.ts';
import type { BuildState, DeploymentState } from '../../platform/temporal/deployments/read-deployments.ts';
import { count } from '../output/format.ts';
import { note, type Terminal } from '../terminal.ts';
import { ANSWER_MS } from './open-temporal.ts';

/** Builds with unfinished jobs and nobody to go on with them. */
export function strandedBuilds(deployments: readonly DeploymentState[]): BuildState[] {
  return deployments.flatMap(({ builds }) => builds.filter((build) => build.pinned_jobs > 0 && build.workers === 0));
}

/** Moves the jobs of these builds, telling of each build. @returns what `--json` prints of it */
export async function moveStranded(terminal: Terminal, client: Client, builds: readonly BuildState[]) {
  const outcomes = [];
  for (const { deployment, build } of builds) {
    const { moved, failed } = await moveJobs(client, { deployment, build }, ANSWER_MS);
    note(terminal, `${count(moved.length, 'job')} of build ${build} moved to the build that has the new jobs.`);
    for (const { workflow_id: id, reason } of failed) note(terminal, `${id} could not be moved: ${reason}`);
    outcomes.push({ deployment, build, moved, failed });
  }
  return outcomes;
}
