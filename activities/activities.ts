import type { MachineCommandTask, PresenceEnd, PresenceTask } from '../contract/machine-presence.ts';
import type { Need } from '../contract/needs.ts';
import type { JobOutcome, JobTask } from '../contract/plan.ts';
import type { PlannedJob } from '../platform/routing/plan-job.ts';

/** What the orchestrator runs beside the workflows. Workflows import these types only. */
export interface OrchestratorActivities {
  /** Validates and routes a job that was started without our API. */
  planJob(document: unknown): Promise<PlannedJob>;
  /** Tells workers of a need that nobody is known to poll for. */
  announceNeed(need: Need): Promise<void>;
}

/** What a pool worker runs on each of its queues. */
export interface ConnectorActivities {
  processJob(task: JobTask): Promise<JobOutcome>;
}

/** What a machine runs on its own queue. */
export interface MachineActivities {
  /** Beats with the machine's card until the machine leaves. */
  presence(task: PresenceTask): Promise<PresenceEnd>;
  /** Carries out one command. @returns its result, a small document */
  machineCommand(task: MachineCommandTask): Promise<unknown>;
}

/** What the active scaler runs. */
export interface ScalingActivities {
  /** Scales the pools until it is told to stop; beats with a ScalingReport. */
  scale(): Promise<void>;
}
