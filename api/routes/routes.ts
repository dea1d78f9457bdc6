import type { ApiContext } from '../context.ts';
import type { Route } from '../route.ts';
import { getArtifact, getArtifacts } from './get-artifacts.ts';
import { getAttempts } from './get-attempts.ts';
import { getEvents } from './get-events.ts';
import {
  deleteInstance,
  instanceBulk,
  instanceVerbs,
  patchInstance,
  postExportInstances,
  postImportInstances,
  postInstance,
} from './change-instances.ts';
import { askInstance, getInstance, getInstances } from './get-instances.ts';
import { getJob } from './get-job.ts';
import { getJobs } from './get-jobs.ts';
import { getLogs } from './get-logs.ts';
import { getMachine, getMachines } from './get-machines.ts';
import { getMachineEvents } from './get-machine-events.ts';
import { getMachineOperation } from './get-machine-operation.ts';
import { getPool, getPools } from './get-pools.ts';
import { getScaling } from './get-scaling.ts';
import { getService, getServices } from './get-services.ts';
import { getWorkers } from './get-workers.ts';
import { patchJob } from './patch-job.ts';
import { patchPool } from './patch-pool.ts';
import { postCancel } from './post-cancel.ts';
import { postInputs } from './post-inputs.ts';
import { postJobs } from './post-jobs.ts';
import { poolVerbs } from './post-pool.ts';
import { machineVerbs, postMachineCommand } from './post-machine-command.ts';
import { postRetry } from './post-retry.ts';

/** Everything under the prefix, in the order of the reference. */
export function createRoutes(api: ApiContext): Route[] {
  return [
    postJobs(api),
    getJobs(api),
    getJob(api),
    patchJob(api),
    getEvents(api),
    postCancel(api),
    postRetry(api),
    getAttempts(api),
    getLogs(api),
    getArtifacts(api),
    getArtifact(api),
    postInputs(api),
    getServices(api),
    getService(api),
    getPools(api),
    getScaling(api),
    getPool(api),
    patchPool(api),
    ...poolVerbs(api),
    getWorkers(api),
    getMachines(api),
    getMachineEvents(api),
    getMachine(api),
    postMachineCommand(api),
    ...machineVerbs(api),
    getMachineOperation(api),
    getInstances(api),
    postInstance(api),
    ...instanceBulk(api),
    postExportInstances(api),
    postImportInstances(api),
    getInstance(api),
    patchInstance(api),
    deleteInstance(api),
    ...instanceVerbs(api),
    ...askInstance(api),
  ];
}
