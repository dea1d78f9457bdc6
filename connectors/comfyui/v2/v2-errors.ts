import type { ErrorCode, FieldError } from '../../../contract/errors.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import { HttpError } from '../../http/http-error.ts';
import { titleOf } from '../api-graph.ts';
import { nodeErrors } from '../backend-errors.ts';
import { asRecord, readRefusal, textOf } from '../documents.ts';
import type { JobPlan } from '../job-plan.ts';

/** The code in a v2 error document; undefined when it is none. */
export function v2CodeOf(error: unknown): string | undefined {
  return error instanceof HttpError ? textOf(asRecord(asRecord(error.body)['error'])['code']) : undefined;
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  invalid_workflow: 'validation',
  workflow_format_ui: 'validation',
  invalid_request: 'validation',
  missing_asset: 'not_found',
  insufficient_credits: 'quota_exceeded',
  deployment_stopped: 'service_unavailable',
  queue_full: 'rate_limited',
  deployment_not_ready: 'rate_limited',
};

/** What `POST /api/v2/jobs` refused, in our table's words; any other error comes back as it is. */
export function v2Refusal(error: unknown, plan: JobPlan): unknown {
  const code = v2CodeOf(error);
  const known = code === undefined ? undefined : CODES[code];
  if (!known || !(error instanceof HttpError)) return error;
  const { message, details } = asRecord(asRecord(error.body)['error']);
  const said = textOf(message) ?? code;
  if (known === 'rate_limited' || known === 'quota_exceeded' || known === 'service_unavailable') {
    return new ConnectorError(known, `Comfy API: ${said} (${code})`, {
      cause: error,
      retry_after_ms: error.retry_after_ms,
      ...(code === 'deployment_stopped' ? { retryable: false } : {}),
    });
  }
  const nodes = asRecord(asRecord(details)['node_errors']);
  const classic = nodeErrors(readRefusal({ node_errors: nodes }), plan, error);
  if (classic) return classic;
  const root = plan.payload.template === undefined ? '/payload/workflow' : '/payload/template';
  const missing = /node (\S+) does not exist/i.exec(String(said))?.[1];
  const errors: FieldError[] = fieldErrors(nodes, plan);
  if (errors.length === 0) {
    const id = Object.keys(plan.graph).find((each) => plan.graph[each]!.class_type === missing);
    errors.push({ pointer: id === undefined ? root : plan.pointerOf(id), detail: String(said) });
  }
  return new ConnectorError(missing ? 'missing_node' : known, `Comfy API refuses the graph: ${said}`, {
    cause: error,
    errors,
  });
}

/** As the specification writes them: `{"12": [{"field": "model", "reason": "missing_input"}]}`. */
function fieldErrors(nodes: Record<string, unknown>, plan: JobPlan): FieldError[] {
  return Object.entries(nodes).flatMap(([id, problems]) =>
    (Array.isArray(problems) ? problems : []).map((problem): FieldError => {
      const { field, reason } = asRecord(problem);
      const input = Object.hasOwn(plan.graph, id) ? textOf(field) : undefined;
      return { pointer: plan.pointerOf(id, input), detail: `of ${titleOf(plan.graph, id)}: ${String(reason)}` };
    }),
  );
}
