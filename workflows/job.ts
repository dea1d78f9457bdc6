import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  defineSignal,
  log,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { FieldError } from '../contract/errors.ts';
import { jobIdOfWorkflow } from '../contract/ids.ts';
import { AMEND_SIGNAL, type JobAmendment } from '../contract/job-amendment.ts';
import type { Job } from '../contract/job.schema.ts';
import { isPrepared, type JobOutcome, type JobPlan, type PreparedJob } from '../contract/plan.ts';
import { DEFAULT_TENANT } from '../contract/search-attributes.ts';
import type { OrchestratorActivities } from '../activities/activities.ts';
import { errorAttribute, jobSearchAttributes, tagsAttribute } from './job-search-attributes.ts';
import { JobRouter } from './job-router.ts';
import { runOnRoute } from './run-on-route.ts';
import { endOf } from './job-end.ts';

// A local activity costs one event (a marker) instead of six; it only computes, so a short time-out is right.
const { planJob, announceNeed } = proxyLocalActivities<OrchestratorActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', maximumAttempts: 20 },
});

const amend = defineSignal<[JobAmendment]>(AMEND_SIGNAL);

/**
 * One job from its acceptance to its one end.
 * @param document the job; validated already when `prepared` is given, otherwise as a person wrote it for
 *   `temporal workflow start --type job`
 * @param prepared what the API found out when it took the job, so that no routing is needed here
 * @returns references to the outputs, never bytes
 * @throws ApplicationFailure whose type is a code of `contract/errors.ts`; CancelledFailure when it was cancelled
 */
export async function job(document: Job, prepared?: PreparedJob): Promise<JobOutcome> {
  try {
    if (prepared && !isPrepared(prepared)) throw secondInput();
    const { job: accepted, plan } = prepared ? { job: document, plan: prepared.plan } : await accept(document);
    const { router, task, amended } = begin(accepted, plan);
    // Costs a marker, and only a job for whose needs nobody is known to poll.
    if (plan.announce) await announceNeed(plan.announce);
    for (;;) {
      const step = router.step(Date.now());
      const needs = plan.needs === undefined ? '' : `; needs ${plan.needs}`;
      setCurrentDetails(plan.unmatched ?? `On queue **${step.route.task_queue}**${step.detail}${needs}`);
      try {
        const outcome = await runOnRoute(step, task, plan, amended.priority);
        // A connector that finished although it was asked to stop: who cancels a job must find it cancelled.
        if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('Cancelled while finishing');
        setCurrentDetails('');
        return outcome;
      } catch (error) {
        if (!router.spilled(error, Date.now())) throw error;
        log.info('no worker took the job in time, trying the next route', { queue: step.route.task_queue });
      }
    }
  } catch (error) {
    const end = endOf(error, CancellationScope.current().consideredCancelled);
    if (!(end instanceof CancelledFailure)) upsertSearchAttributes(errorAttribute(end));
    throw end;
  }
}

/** What a person gave beside the document; nothing of it would have been heeded. */
function secondInput(): ApplicationFailure {
  const errors: FieldError[] = [
    { pointer: '', detail: 'is one input, the job document', hint: 'leave the second out' },
  ];
  const message = 'A job takes one input, the job document; leave the second out';
  return ApplicationFailure.create({ type: 'validation', message, nonRetryable: true, details: [{ errors }] });
}

async function accept(document: unknown) {
  const planned = await planJob(document);
  upsertSearchAttributes(jobSearchAttributes(planned.job, planned.plan.routes[0]!.pool, DEFAULT_TENANT));
  return planned;
}

/** What the job's run holds, and the handler of what is changed meanwhile. */
function begin(accepted: Job, plan: JobPlan) {
  const info = workflowInfo();
  const router = new JobRouter(plan, accepted.deadline, info.startTime.getTime());
  const task = {
    job_id: jobIdOfWorkflow(info.workflowId),
    tenant: DEFAULT_TENANT,
    created_at: info.startTime.getTime(),
    job: accepted,
    connector: plan.connector,
    retry: plan.retry,
    run_timeout_ms: plan.run_timeout_ms,
    artifact_retention_ms: plan.artifact_retention_ms,
  };
  const amended = { priority: accepted.priority };
  setHandler(amend, (change) => {
    amended.priority = change.priority ?? amended.priority;
    router.amend(change);
    if (change.tags) upsertSearchAttributes(tagsAttribute(change.tags));
  });
  return { router, task, amended };
}
