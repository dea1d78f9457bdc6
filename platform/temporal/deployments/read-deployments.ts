import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { JOBS_TASK_QUEUE } from '../../../contract/task-queues.ts';
import type { WorkerPresence } from '../../presence/worker-presence.ts';
import { bounded } from '../../jobs/temporal-calls.ts';
import { type DeploymentVersion, versionText } from './version.ts';

const { TaskQueueType } = proto.temporal.api.enums.v1;

/** temporal.api.enums.v1.WorkerDeploymentVersionStatus, in the words of the documentation. */
type BuildStateName = 'inactive' | 'current' | 'ramping' | 'draining' | 'drained';
const STATES: readonly BuildStateName[] = ['inactive', 'inactive', 'current', 'ramping', 'draining', 'drained'];

/** One build of the orchestrator, as the server knows it. */
export interface BuildState extends DeploymentVersion {
  /** `inactive`: never had new jobs; `draining`: has unfinished ones of the time when it had; `drained`: none any more. */
  state: BuildStateName;
  /** Unfinished jobs that only this build may go on with. */
  pinned_jobs: number;
  /** Orchestrators of this build that are there. */
  workers: number;
}

/** A deployment of orchestrators. */
export interface DeploymentState {
  deployment: string;
  /** The build that new jobs go to; undefined: they go to orchestrators without a build id. */
  current?: string;
  /** Newest first. */
  builds: BuildState[];
}

/** What every call here needs. */
export interface DeploymentReader {
  client: Client;
  /** Who is there; undefined when the server does not tell. */
  workers: readonly WorkerPresence[];
  /** Longest wait for one answer of the server. Milliseconds. */
  timeoutMs: number;
}

/** A condition on running workflows that may only go on with this build. */
export function pinnedTo(version: DeploymentVersion): string {
  return `ExecutionStatus = 'Running' AND TemporalWorkflowVersioningBehavior = 'Pinned' AND TemporalWorkerDeploymentVersion = '${versionText(version)}'`;
}

/**
 * The deployments whose workers serve the queue of the job workflows, with how many jobs hang on each build. Those of
 * other programs in the same namespace are left out.
 * @throws TemporalUnavailableError
 */
export async function readDeployments(reader: DeploymentReader): Promise<DeploymentState[]> {
  const { client, timeoutMs } = reader;
  const { namespace } = client.options;
  const states: DeploymentState[] = [];
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await bounded(client, timeoutMs, () =>
      client.workflowService.listWorkerDeployments({ namespace, nextPageToken, pageSize: 100 }),
    );
    for (const { name, latestVersionSummary } of page.workerDeployments ?? []) {
      const build = latestVersionSummary?.deploymentVersion?.buildId;
      if (!name || !build || !(await servesJobs(reader, { deployment: name, build }))) continue;
      states.push(await readDeployment(reader, name));
    }
    nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
  } while (nextPageToken);
  return states;
}

/** The build that new jobs go to; undefined when they go to orchestrators without a build id. */
export async function currentOrchestrator(client: Client, timeoutMs: number): Promise<DeploymentVersion | undefined> {
  const { versioningInfo } = await bounded(client, timeoutMs, () =>
    client.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name: JOBS_TASK_QUEUE },
      taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    }),
  );
  const { deploymentName: deployment, buildId: build } = versioningInfo?.currentDeploymentVersion ?? {};
  return deployment && build ? { deployment, build } : undefined;
}

async function servesJobs({ client, timeoutMs }: DeploymentReader, version: DeploymentVersion): Promise<boolean> {
  const { versionTaskQueues } = await bounded(client, timeoutMs, () =>
    client.workflowService.describeWorkerDeploymentVersion({
      namespace: client.options.namespace,
      deploymentVersion: { deploymentName: version.deployment, buildId: version.build },
    }),
  );
  return (versionTaskQueues ?? []).some(({ name }) => name === JOBS_TASK_QUEUE);
}

async function readDeployment(reader: DeploymentReader, deployment: string): Promise<DeploymentState> {
  const { client, workers, timeoutMs } = reader;
  const { namespace } = client.options;
  const { workerDeploymentInfo: info } = await bounded(client, timeoutMs, () =>
    client.workflowService.describeWorkerDeployment({ namespace, deploymentName: deployment }),
  );
  const current = info?.routingConfig?.currentDeploymentVersion?.buildId || undefined;
  const builds: BuildState[] = [];
  for (const { deploymentVersion, status } of info?.versionSummaries ?? []) {
    const build = deploymentVersion?.buildId;
    if (!build) continue;
    const version = { deployment, build };
    const { count } = await bounded(client, timeoutMs, () => client.workflow.count(pinnedTo(version)));
    const text = versionText(version);
    const present = workers.filter((worker) => worker.version === text && !worker.leaving);
    builds.push({ ...version, state: STATES[status ?? 0] ?? 'inactive', pinned_jobs: count, workers: present.length });
  }
  return { deployment, ...(current ? { current } : {}), builds };
}
