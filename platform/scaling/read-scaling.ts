import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { SCALER_WORKFLOW_ID, type ScalingReport } from '../../contract/scaling.ts';
import { decodePayloads } from '../jobs/decode.ts';
import { bounded, isNotFound } from '../jobs/temporal-calls.ts';

const { PendingActivityState } = proto.temporal.api.enums.v1;

/**
 * What the active scaler said last, from the heartbeat of its activity: one call, no workflow task.
 * @param ms longest wait for Temporal, milliseconds
 * @throws TemporalUnavailableError, TemporalBusyError
 */
export async function readScaling(
  client: Client,
  ms: number,
): Promise<{ active: boolean; report: ScalingReport | undefined }> {
  const { namespace } = client.options;
  try {
    const execution = { workflowId: SCALER_WORKFLOW_ID };
    const described = await bounded(client, ms, () =>
      client.workflowService.describeWorkflowExecution({ namespace, execution }),
    );
    const [activity] = described.pendingActivities;
    const [details] = await decodePayloads(client.options.loadedDataConverter, activity?.heartbeatDetails?.payloads);
    return {
      active: activity?.state === PendingActivityState.PENDING_ACTIVITY_STATE_STARTED,
      report: isReport(details) ? details : undefined,
    };
  } catch (error) {
    if (isNotFound(error)) return { active: false, report: undefined };
    throw error;
  }
}

/** A scaler of another release may say something else. */
function isReport(details: unknown): details is ScalingReport {
  const report = details as Partial<ScalingReport> | null | undefined;
  return report?.v === 1 && Array.isArray(report.pools);
}
