import type { FieldError } from '../../contract/errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobPlan } from './job-plan.ts';

/**
 * A graph is a program: nodes can read files, fetch addresses, run code. Which classes may be used is the operator's
 * word; names may hold `*`.
 * @throws ConnectorError `permission` naming every node that is not allowed
 */
export function checkPolicy(plan: JobPlan, allowed: readonly string[], denied: readonly string[]): void {
  const allows = allowed.map(pattern);
  const denies = denied.map(pattern);
  const errors: FieldError[] = [];
  const classes = new Set<string>();
  for (const [id, { class_type }] of Object.entries(plan.graph)) {
    const isDenied = denies.some((each) => each.test(class_type));
    if (!isDenied && (allows.length === 0 || allows.some((each) => each.test(class_type)))) continue;
    classes.add(class_type);
    errors.push({
      pointer: plan.pointerOf(id),
      detail: `uses ${class_type}, which is ${isDenied ? 'denied' : 'not among the allowed nodes'} here`,
      hint: `take it out, or ask the operator (${isDenied ? 'COMFYUI_DENIED_NODES' : 'COMFYUI_ALLOWED_NODES'})`,
    });
  }
  if (errors.length === 0) return;
  throw new ConnectorError('permission', `The graph uses nodes that are not allowed here: ${[...classes].join(', ')}`, {
    errors,
  });
}

function pattern(text: string): RegExp {
  const parts = text.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
