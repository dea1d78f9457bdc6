import { setWorkflowOptions } from '@temporalio/workflow';
import { machine } from './machine.ts';
import { needs } from './needs.ts';
import { scaler } from './scaler.ts';

/** The registry: every workflow type by its name. */
export { job } from './job.ts';
export { machine, needs, scaler };

// Jobs end on the build of the orchestrator that they began with. What lives on goes over to the next one, or no build
// would ever be done.
const LASTING = { versioningBehavior: 'AUTO_UPGRADE' } as const;
setWorkflowOptions(LASTING, machine);
setWorkflowOptions(LASTING, needs);
setWorkflowOptions(LASTING, scaler);
