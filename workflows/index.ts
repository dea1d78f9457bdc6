import { setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import { machine } from './machine.ts';
import { needs } from './needs.ts';
import { scaler } from './scaler.ts';

/** The registry: every workflow type by its name. */
export { job } from './job.ts';
export { machine, needs, scaler };

// Jobs end on the build of the orchestrator that they began with. What lives on goes over to the next one, or no build
// would ever be done.
// A server takes that from a worker with a build only; one without has an empty name here, or none.
const lasting = () =>
  workflowInfo().currentDeploymentVersion?.deploymentName ? ({ versioningBehavior: 'AUTO_UPGRADE' } as const) : {};
setWorkflowOptions(lasting, machine);
setWorkflowOptions(lasting, needs);
setWorkflowOptions(lasting, scaler);
