import type { Client } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import proto, { type temporal } from '@temporalio/proto';
import { MACHINE_WORKFLOW, machineWorkflowId } from '../../contract/machine-card.ts';
import {
  ABSENCE_MEMO,
  type MachineAbsence,
  PRESENCE_ACTIVITY,
  type PresenceBeat,
} from '../../contract/machine-presence.ts';
import type { MachineView } from '../../contract/machine-view.ts';
import { decodePayloads } from '../jobs/decode.ts';
import { bounded, isNotFound } from '../jobs/temporal-calls.ts';

type Described = temporal.api.workflowservice.v1.DescribeWorkflowExecutionResponse;
type Pending = temporal.api.workflow.v1.PendingActivityInfo.$Properties;

const { PendingActivityState, WorkflowExecutionStatus } = proto.temporal.api.enums.v1;

/**
 * A machine by one look at its workflow's mutable state: no workflow task, no visibility lag.
 * @param ms longest wait for Temporal, milliseconds
 * @returns undefined when there is none of that id, or none any longer
 * @throws TemporalUnavailableError, TemporalBusyError
 */
export async function readMachine(client: Client, id: string, ms: number): Promise<MachineView | undefined> {
  const { namespace } = client.options;
  let described: Described;
  try {
    described = await bounded(client, ms, () =>
      client.workflowService.describeWorkflowExecution({ namespace, execution: { workflowId: machineWorkflowId(id) } }),
    );
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
  const info = described.workflowExecutionInfo;
  const running = info?.status === WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
  if (info?.type?.name !== MACHINE_WORKFLOW || !running) return undefined;
  const pending = newest(described.pendingActivities);
  if (pending) return present(client, id, pending);
  return absent(client, id, info.memo?.fields?.[ABSENCE_MEMO]);
}

/** A dead one may still be pending beside its successor. Their ids are numbers that grow. */
function newest(pending: readonly Pending[]): Pending | undefined {
  return pending
    .filter(({ activityType, state }) => activityType?.name === PRESENCE_ACTIVITY && !isGivenUp(state))
    .toSorted((a, b) => Number(b.activityId) - Number(a.activityId))[0];
}

function isGivenUp(state: Pending['state']): boolean {
  return state === PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED;
}

async function present(client: Client, id: string, pending: Pending): Promise<MachineView> {
  const [beat] = (await decodePayloads(client.options.loadedDataConverter, pending.heartbeatDetails?.payloads)) as [
    PresenceBeat?,
  ];
  if (!beat?.card) return { id, presence: 'starting', reason: 'It has announced itself and did not beat yet' };
  const seen = optionalTsToMs(pending.lastHeartbeatTime);
  return { id, presence: 'alive', ...(seen ? { seen_at: new Date(seen).toISOString() } : {}), card: beat.card };
}

async function absent(client: Client, id: string, memo: unknown): Promise<MachineView> {
  const [absence] = (await decodePayloads(client.options.loadedDataConverter, memo ? [memo] : [])) as [MachineAbsence?];
  if (!absence) return { id, presence: 'away', reason: 'Its presence has ended; why is not known yet' };
  return {
    id,
    presence: absence.kind === 'died' ? 'away' : 'left',
    reason: absence.message,
    away_since: new Date(absence.at).toISOString(),
    ...(absence.card ? { card: absence.card } : {}),
  };
}
