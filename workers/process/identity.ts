import { hostname } from 'node:os';

/** How a process appears in the Temporal Web UI and in worker lists: what it is, where it runs. */
export function processIdentity(role: string): string {
  return `${role}@${hostname()}#${process.pid}`;
}

/** Whether a module is what Node was started with; its exports can be imported without running it. */
export function isEntryPoint(moduleUrl: string): boolean {
  const entry = process.argv[1];
  return entry !== undefined && moduleUrl === new URL(`file://${entry}`).href;
}
