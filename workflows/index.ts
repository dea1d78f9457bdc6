/** The registry: every workflow type by its name. */
export { job } from './job.ts';
