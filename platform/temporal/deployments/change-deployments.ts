import { type Client, isGrpcServiceError } from '@temporalio/client';
import pLimit from 'p-limit';
import { bounded } from '../../jobs/temporal-calls.ts';
import { pinnedTo } from './read-deployments.ts';
import type { DeploymentVersion } from './version.ts';

/** gRPC status codes (https://grpc.io/docs/guides/status-codes/). */
const NOT_FOUND = 5;
const FAILED_PRECONDITION = 9;

/** Jobs moved side by side. */
const AT_ONCE = 8;

/** There is no such build, or nothing of it runs; `message` is the server's. */
export class NoSuchBuildError extends Error {
  override readonly name = 'NoSuchBuildError';
}

/**
 * Sends new jobs to a build, from the next one on. Jobs under way stay where they are.
 * @param build undefined: to orchestrators without a build id
 * @returns the build that had them before
 * @throws NoSuchBuildError when no worker of that build has ever come
 */
export async function setCurrentBuild(
  client: Client,
  deployment: string,
  build: string | undefined,
  timeoutMs: number,
): Promise<string | undefined> {
  try {
    const { previousDeploymentVersion } = await bounded(client, timeoutMs, () =>
      client.workflowService.setWorkerDeploymentCurrentVersion({
        namespace: client.options.namespace,
        deploymentName: deployment,
        buildId: build ?? '',
        identity: client.options.identity,
      }),
    );
    return previousDeploymentVersion?.buildId || undefined;
  } catch (error) {
    const unknown = isGrpcServiceError(error) && (error.code === NOT_FOUND || error.code === FAILED_PRECONDITION);
    throw unknown ? new NoSuchBuildError(error.details, { cause: error }) : error;
  }
}

/** A job that could not be moved. */
export interface NotMoved {
  workflow_id: string;
  reason: string;
}

/**
 * Lets jobs that are pinned to a build go on with whichever build has the new jobs. Jobs that end meanwhile are no
 * failure.
 * @returns ids of the workflows that were moved, and those that were not
 */
export async function moveJobs(
  client: Client,
  version: DeploymentVersion,
  timeoutMs: number,
): Promise<{ moved: string[]; failed: NotMoved[] }> {
  const ids = new Set<string>();
  for await (const { workflowId } of client.workflow.list({ query: pinnedTo(version) })) ids.add(workflowId);
  const moved: string[] = [];
  const failed: NotMoved[] = [];
  const limit = pLimit(AT_ONCE);
  const move = async (workflowId: string) => {
    try {
      await bounded(client, timeoutMs, () =>
        client.workflowService.updateWorkflowExecutionOptions({
          namespace: client.options.namespace,
          workflowExecution: { workflowId },
          workflowExecutionOptions: { versioningOverride: { autoUpgrade: true } },
          updateMask: { paths: ['versioning_override'] },
          identity: client.options.identity,
        }),
      );
      moved.push(workflowId);
    } catch (error) {
      if (isGrpcServiceError(error) && error.code === NOT_FOUND) return;
      failed.push({ workflow_id: workflowId, reason: (error as Error).message });
    }
  };
  await Promise.all([...ids].map((id) => limit(move, id)));
  return { moved, failed };
}
