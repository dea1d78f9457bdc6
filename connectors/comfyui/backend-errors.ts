import type { FieldError } from '../../contract/errors.ts';
import { isOutOfMemory } from '../base/python-memory.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { HttpError } from '../http/http-error.ts';
import { titleOf } from './api-graph.ts';
import { asRecord, readRefusal, type ExecutionError, type NodeError, type PromptRefusal } from './documents.ts';
import type { JobPlan } from './job-plan.ts';
import { isModelChoice } from './model-choice.ts';

/** What `POST /prompt` refused, in our table's words; undefined when the answer is of another kind. */
export function refusalOf(error: unknown, plan: JobPlan): ConnectorError | undefined {
  if (!(error instanceof HttpError) || error.status !== 400) return undefined;
  const refusal = readRefusal(error.body);
  const { type, message = '', details = '' } = refusal.error ?? {};
  if (type === undefined && Object.keys(refusal.node_errors).length === 0) return undefined;
  const root = plan.payload.template === undefined ? '/payload/workflow' : '/payload/template';
  const said = [message, details].filter(Boolean).join(' ');
  if (type === 'missing_node_type' || (type === 'invalid_prompt' && / does not exist/.test(message))) {
    const id = /#([^']+)'?$/.exec(details)?.[1];
    const pointer = id !== undefined && Object.hasOwn(plan.graph, id) ? plan.pointerOf(id) : root;
    return new ConnectorError('missing_node', `ComfyUI refuses the graph: ${said}`, {
      cause: error,
      errors: [{ pointer, detail: message, hint: 'install the custom node that has it, or take it out' }],
    });
  }
  return (
    nodeErrors(refusal, plan, error) ??
    new ConnectorError('validation', `ComfyUI refuses the graph: ${said}`, {
      cause: error,
      errors: [{ pointer: root, detail: said }],
    })
  );
}

/**
 * What the server found wrong with single nodes. It also comes with a prompt that was taken: then the outputs that
 * depend on these nodes have been dropped.
 */
export function nodeErrors(refusal: PromptRefusal, plan: JobPlan, cause?: unknown): ConnectorError | undefined {
  const errors: FieldError[] = [];
  let models = 0;
  let files = 0;
  for (const [id, node] of Object.entries(refusal.node_errors)) {
    for (const error of node.errors) {
      const input = error.extra_info?.input_name;
      const known = Object.hasOwn(plan.graph, id);
      const pointer = known ? plan.pointerOf(id, input) : plan.pointerOf(id);
      errors.push({ pointer, detail: `of ${titleOf(plan.graph, id)}: ${textOf(error)}` });
      if (error.type === 'value_not_in_list' && isMissingModel(error)) models += 1;
      if (
        error.type === 'custom_validation_failed' &&
        /invalid (?:image|audio|video|model)? ?file/i.test(error.details)
      )
        files += 1;
    }
  }
  if (errors.length === 0) return undefined;
  const code = models === errors.length ? 'missing_model' : files === errors.length ? 'not_found' : 'validation';
  const text = errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
  return new ConnectorError(code, `ComfyUI refuses the graph: ${text}`, { cause, errors });
}

function isMissingModel({ extra_info = {} }: NodeError): boolean {
  const { input_name, input_config, received_value } = extra_info;
  const [type, config] = Array.isArray(input_config) ? (input_config as unknown[]) : [];
  const options = Array.isArray(type) ? type : asRecord(config)['options'];
  return isModelChoice(input_name ?? '', Array.isArray(options) ? options : [], received_value);
}

function textOf({ message, details }: NodeError): string {
  return details ? `${message} (${details})` : message;
}

/** Python exceptions that the same graph raises again: wrong values and wrong code, not a bad moment. */
const LASTING =
  /(?:^|\.)(?:ValueError|TypeError|KeyError|IndexError|AttributeError|AssertionError|NotImplementedError|ImportError|ModuleNotFoundError|NameError|ZeroDivisionError|FileNotFoundError|NotADirectoryError|IsADirectoryError|PermissionError|UnidentifiedImageError|DependencyCycleError)$/;

/** A node's exception as an error of the job, with the server's own words. */
export function executionFailure(error: ExecutionError, plan: JobPlan): ConnectorError {
  const type = error.exception_type ?? '';
  const said = (error.exception_message ?? '').trim();
  const where = error.node_id === undefined ? 'a node' : titleOf(plan.graph, error.node_id);
  const text = `${where} failed in ComfyUI: ${[type, said].filter(Boolean).join(': ') || 'no reason given'}`;
  const errors =
    error.node_id !== undefined && Object.hasOwn(plan.graph, error.node_id)
      ? [{ pointer: plan.pointerOf(error.node_id), detail: said || type }]
      : undefined;
  if (isOutOfMemory(type, said)) {
    return new ConnectorError('out_of_memory', text, { errors });
  }
  return new ConnectorError('backend_error', text, { errors, ...(LASTING.test(type) ? { retryable: false } : {}) });
}
