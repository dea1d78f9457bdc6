import { ApplicationFailure } from '@temporalio/common';
import type { Catalog } from '../platform/catalog/catalog.ts';
import { InvalidJobError } from '../platform/routing/invalid-job-error.ts';
import { planJob, type PlanningOptions } from '../platform/routing/plan-job.ts';
import type { OrchestratorActivities } from './activities.ts';

/** The routing activity: the same validation, messages and routes as `POST /api/jobs`. */
export function createPlanJob(catalog: Catalog, options: PlanningOptions): OrchestratorActivities['planJob'] {
  return async (document) => {
    try {
      return planJob(document, catalog, options, Date.now());
    } catch (error) {
      if (!(error instanceof InvalidJobError)) throw error;
      throw ApplicationFailure.create({
        type: error.code,
        message: error.message,
        nonRetryable: true,
        details: [{ errors: error.errors }],
      });
    }
  };
}
