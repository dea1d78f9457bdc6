/** The registry: every workflow type by its name. */
export { job } from './job.ts';
export { machine } from './machine.ts';
export { needs } from './needs.ts';
export { scaler } from './scaler.ts';
