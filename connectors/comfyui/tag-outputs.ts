import type { FieldError } from '../../contract/errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobPlan } from './job-plan.ts';

const PREFIX = 'filename_prefix';

/** Stands before the names of a prompt's files. */
export function tagOf(promptId: string): string {
  return `${promptId.slice(0, 8)}_`;
}

/** @throws ConnectorError `validation` for a prefix that leaves the output folder; the server would fail at run time */
export function checkPrefixes(plan: JobPlan): void {
  const errors: FieldError[] = [];
  for (const [id, { inputs }] of Object.entries(plan.graph)) {
    const prefix = inputs[PREFIX];
    if (typeof prefix !== 'string' || !/^(?:[/\\]|[a-z]:)|(?:^|[/\\])\.\.(?:[/\\]|$)/i.test(prefix)) continue;
    errors.push({
      pointer: plan.pointerOf(id, PREFIX),
      detail: `leaves the output folder: ${JSON.stringify(prefix)}`,
      hint: 'give a path below it, such as "portraits/anna"',
    });
  }
  if (errors.length === 0) return;
  const text = errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
  throw new ConnectorError('validation', `The graph is not valid: ${text}`, { errors });
}

/**
 * Puts a mark of the prompt before every file name. Servers count files per prefix by looking into the folder, so two
 * processes on one folder can pick the same name; and an identical prompt would answer with the files of the first one
 * out of its cache, whoever has removed them since.
 */
export function tagOutputs(plan: JobPlan, tag: string): void {
  for (const { inputs } of Object.values(plan.graph)) {
    const prefix = inputs[PREFIX];
    if (typeof prefix === 'string') inputs[PREFIX] = prefix.replace(/[^/\\]*$/, (name) => `${tag}${name}`);
  }
}
