import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker, type NativeConnection, type WorkerDeploymentOptions } from '@temporalio/worker';
import type { OrchestratorActivities } from '../../activities/activities.ts';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import { ConfigError } from '../../platform/config/config-error.ts';
import type { Config } from '../../platform/config/settings.ts';
import { projectRoot } from '../../platform/project-root.ts';
import type { DeploymentVersion } from '../../platform/temporal/deployments/version.ts';

/** Workflows kept in memory between their tasks; about 50 kB each. */
const MAX_CACHED = 1_000;

/** Built by `npm run build`; bundling at start would take two seconds and 150 MB. */
export function workflowBundlePath(): string {
  const path = join(projectRoot(), 'dist', 'workflow-bundle.js');
  if (existsSync(path)) return path;
  throw new ConfigError('The orchestrator cannot start', [
    { name: path, problem: 'does not exist', hint: 'run `npm run build` first; `npm start` does it by itself' },
  ]);
}

/** The worker that runs the workflows and the routing activity. */
export function createOrchestrator(options: {
  connection: NativeConnection;
  config: Config;
  activities: OrchestratorActivities;
  identity: string;
  /** Its build: it gets the jobs of this build alone, new ones while the build is the current one. Default: none. */
  version?: DeploymentVersion;
}): Promise<Worker> {
  const { connection, config, activities, identity, version } = options;
  return Worker.create({
    connection,
    namespace: config.temporalNamespace,
    taskQueue: JOBS_TASK_QUEUE,
    identity,
    activities,
    workflowBundle: { codePath: workflowBundlePath() },
    maxCachedWorkflows: MAX_CACHED,
    shutdownGraceTime: config.shutdownGrace,
    // After a kill the server waits this long for the dead process before it gives a workflow to another.
    stickyQueueScheduleToStartTimeout: '2s',
    workflowTaskPollerBehavior: { type: 'autoscaling', initial: 4, minimum: 2, maximum: 20 },
    // Remote activities go to the pools; here only local ones run.
    maxConcurrentActivityTaskExecutions: 1,
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 1 },
    ...(version ? { workerDeploymentOptions: deploymentOptions(version) } : {}),
  });
}

/** Jobs are short: each ends on the build it began with. Workflows that live long say so themselves. */
function deploymentOptions({ deployment, build }: DeploymentVersion): WorkerDeploymentOptions {
  return {
    version: { deploymentName: deployment, buildId: build },
    useWorkerVersioning: true,
    defaultVersioningBehavior: 'PINNED',
  };
}
