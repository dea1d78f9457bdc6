import type { z } from 'zod';
import { isTerminal, type JobView } from '../../contract/job-view.ts';
import type { Route } from '../../contract/plan.ts';
import { parseTaskQueue, taskQueueOf } from '../../contract/task-queues.ts';
import { changeJob as change } from '../../platform/jobs/change-job.ts';
import type { JobReading } from '../../platform/jobs/job-reader.ts';
import { isNotFound } from '../../platform/jobs/temporal-calls.ts';
import { unmetRequirements } from '../../platform/routing/match-requirements.ts';
import { needOf } from '../../platform/routing/need-of.ts';
import type { ApiContext } from '../context.ts';
import { fieldProblem, HttpProblem } from '../http/http-problem.ts';
import { noJob } from './find-job.ts';
import { alreadyEnded } from './post-cancel.ts';
import type { patchBodySchema } from './patch-body.schema.ts';

type Change = z.output<typeof patchBodySchema>;

/**
 * Checks a change against the present state and makes it.
 * @returns the job after the change
 * @throws HttpProblem conflict, validation
 */
export async function changeJob(api: ApiContext, { live, history, view }: JobReading, body: Change): Promise<JobView> {
  if (isTerminal(view.status)) throw alreadyEnded(view.id, view.status);
  if (!live.activity) {
    throw new HttpProblem('conflict', `Job ${view.id} is just starting; try again in a moment`, {
      headers: { 'Retry-After': '1' },
    });
  }
  const { pool, ...rest } = body;
  if (typeof body.deadline === 'string' && Date.parse(body.deadline) <= Date.now()) {
    throw fieldProblem('/deadline', `${body.deadline} is in the past`, 'give a later time, or cancel the job');
  }
  const moves = pool !== undefined && pool !== view.pool;
  const route = moves
    ? routeTo(api, view, live.activity.state, pool, history.start.prepared?.plan.connector)
    : undefined;
  try {
    await change(
      api.client,
      live,
      history,
      { ...rest, ...(route ? { route } : {}) },
      api.config.heartbeatTimeout,
      api.timeoutMs,
    );
  } catch (error) {
    // Ended between the look and the change.
    if (isNotFound(error)) throw new HttpProblem('conflict', `Job ${view.id} has ended already`, { cause: error });
    throw error;
  }
  api.logger.info({ job_id: view.id, change: body }, 'job changed');
  const after = await api.reader.read(view.id);
  if (!after) throw noJob(view.id);
  // The workflow writes tags a moment later.
  return body.tags ? { ...after.view, tags: body.tags } : after.view;
}

function routeTo(api: ApiContext, view: JobView, state: string, pool: string, planned: string | undefined): Route {
  if (state !== 'scheduled') {
    throw new HttpProblem('conflict', `Job ${view.id} is ${view.status}; only a job that waits can go to another pool`);
  }
  if (!api.catalog.pools.has(pool)) {
    throw fieldProblem('/pool', `there is no pool "${pool}"`, `one of: ${[...api.catalog.pools.keys()].join(', ')}`);
  }
  const routes = api.catalog.services.get(view.service)?.routes ?? [];
  const connector = planned ?? routes.find((route) => route.pool === view.pool)?.connector;
  const able = routes.filter((route) => connector === undefined || route.connector === connector);
  const route = able.find((one) => one.pool === pool);
  if (!route) {
    const pools = [...new Set(able.map((one) => one.pool))].join(', ');
    throw fieldProblem('/pool', `pool ${pool} does not run ${view.service}`, `one of: ${pools}`);
  }
  const at = parseTaskQueue(view.task_queue ?? '');
  const capability = at?.capability ?? route.capability;
  const jobNeeds = needOf(view.requirements, capability, routes, true)?.label;
  const unmet = jobNeeds === undefined ? unmetRequirements(view.requirements, route, api.catalog.pools.get(pool)!) : [];
  if (unmet.length > 0) throw fieldProblem('/pool', `pool ${pool} lacks ${unmet.join(', ')}`, 'name another pool');
  return { pool, capability, task_queue: taskQueueOf(pool, capability, jobNeeds) };
}
