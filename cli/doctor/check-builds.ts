import type { Client } from '@temporalio/client';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import type { PresenceCache } from '../../platform/presence/presence-cache.ts';
import { readJsonFile } from '../../platform/processes/json-file.ts';
import {
  type BuildState,
  currentOrchestrator,
  readDeployments,
} from '../../platform/temporal/deployments/read-deployments.ts';
import { type ReplayRecord, replayRecordFile } from '../../platform/temporal/deployments/replay-record.ts';
import { count } from '../output/format.ts';
import { ANSWER_MS } from '../temporal/open-temporal.ts';
import { strandedBuilds } from '../temporal/stranded-jobs.ts';
import { finding, type Finding } from './finding.ts';

const NAME = 'Builds';
/** Ids told in one line. */
const SHOWN = 5;

/** Builds of the orchestrator: whether somebody runs the one that new jobs go to, and those with unfinished jobs. */
export async function checkBuilds(
  client: Client,
  presence: PresenceCache,
): Promise<{ findings: Finding[]; stranded: BuildState[] }> {
  const known = presence.queue(JOBS_TASK_QUEUE) !== 'unknown';
  let deployments: Awaited<ReturnType<typeof readDeployments>>;
  let current: Awaited<ReturnType<typeof currentOrchestrator>>;
  try {
    deployments = await readDeployments({ client, workers: presence.workers(), timeoutMs: ANSWER_MS });
    current = await currentOrchestrator(client, ANSWER_MS);
  } catch (error) {
    return { findings: [finding(NAME, 'skip', `the server does not tell: ${(error as Error).message}`)], stranded: [] };
  }
  if (deployments.length === 0 || !known) return { findings: [], stranded: [] };
  const findings: Finding[] = [];
  const all = deployments.flatMap(({ builds }) => builds);
  if (current) {
    const { build, deployment } = current;
    const workers = all.find((each) => each.build === build && each.deployment === deployment)?.workers ?? 0;
    findings.push(
      workers > 0
        ? finding(NAME, 'ok', `new jobs go to build ${build}; ${count(workers, 'orchestrator')} of it there`)
        : finding(
            NAME,
            'fail',
            `new jobs go to build ${build} of ${deployment}, and nobody runs it: they do not start`,
            `switchyard orchestrator --build-id ${build}\nor, for orchestrators without a build id (npm start): switchyard deployment current --unset`,
          ),
    );
  } else {
    findings.push(finding(NAME, 'ok', 'new jobs go to orchestrators without a build id'));
  }
  return { findings, stranded: strandedBuilds(deployments) };
}

export function strandedFinding({ build, pinned_jobs: jobs }: BuildState): Finding {
  return finding(
    NAME,
    'fail',
    `${count(jobs, 'unfinished job')} of build ${build} cannot go on: nobody runs that build`,
    `switchyard orchestrator --build-id ${build}   lets them end as they began\nswitchyard doctor --fix, or switchyard deployment move   lets them go on with the present build`,
  );
}

/** Jobs that the orchestrator found it cannot go on with when it started after a change of the workflow code. */
export async function checkReplayed(client: Client, dataDir: string): Promise<Finding[]> {
  const record = readJsonFile<ReplayRecord>(replayRecordFile(dataDir));
  const open = await Promise.all(
    (record?.broken ?? []).map(async (job) => ((await isRunning(client, job.workflow_id)) ? [job] : [])),
  );
  const broken = open.flat();
  const [first] = broken;
  if (!first) return [];
  const ids = broken.map(({ job_id: id }) => id);
  const list = ids.length > SHOWN ? `${ids.slice(0, SHOWN).join(', ')} and ${ids.length - SHOWN} more` : ids.join(', ');
  return [
    finding(
      'Unfinished jobs',
      'fail',
      `${count(broken.length, 'job')} cannot go on under the present workflow code: ${list} (${first.reason})`,
      `Run the version they began with until they have ended (docs/operations.md), or begin each anew:\ntemporal workflow reset --workflow-id ${first.workflow_id} --type FirstWorkflowTask --reason upgrade`,
    ),
  ];
}

async function isRunning(client: Client, workflowId: string): Promise<boolean> {
  try {
    const { status } = await client.withDeadline(Date.now() + ANSWER_MS, () =>
      client.workflow.getHandle(workflowId).describe(),
    );
    return status.name === 'RUNNING';
  } catch {
    return false;
  }
}
