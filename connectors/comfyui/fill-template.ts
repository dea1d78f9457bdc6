import type { FieldError } from '../../contract/errors.ts';
import { pointerTo } from '../../platform/routing/check-shape.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { nodeOf, type ComfyPayload, type Template, type TemplateParam } from './payload.schema.ts';
import { copyGraph, type JobPlan } from './job-plan.ts';

/**
 * Puts a job's parameters into a template's graph.
 * @param seed for parameters of type `seed` that are not given
 * @throws ConnectorError `validation` naming every unknown, missing or bad parameter
 */
export function fillTemplate(payload: ComfyPayload, template: Template, seed: number): JobPlan {
  const given = payload.params ?? {};
  const graph = copyGraph(template.workflow);
  const media: JobPlan['media'] = [];
  const errors: FieldError[] = [];
  const paramOf = new Map<string, string>();
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(template.params, name)) continue;
    const known = Object.keys(template.params).join(', ') || 'none';
    errors.push({ pointer: pointer(name), detail: 'is no parameter of this template', hint: `it has: ${known}` });
  }
  for (const [name, param] of Object.entries(template.params)) {
    for (const target of param.to) paramOf.set(target, name);
    const value = given[name] ?? param.default ?? (param.type === 'seed' ? seed : undefined);
    const problem = value === undefined ? 'is missing' : problemOf(value, param);
    if (problem) {
      errors.push({ pointer: pointer(name), detail: problem, hint: param.description });
      continue;
    }
    for (const target of param.to) {
      const node = nodeOf(target);
      const input = target.slice(node.length + 1);
      if (param.type === 'media') media.push({ node, input, reference: value as string });
      else graph[node]!.inputs[input] = value;
    }
  }
  if (errors.length > 0) {
    const text = errors.map((error) => `${error.pointer} ${error.detail}`).join('; ');
    throw new ConnectorError('validation', `The parameters do not fit the template "${payload.template}": ${text}`, {
      errors,
    });
  }
  return {
    graph,
    payload,
    media,
    pointerOf(node, input) {
      const name = input === undefined ? undefined : paramOf.get(`${node}.${input}`);
      return name === undefined ? '/payload/template' : pointer(name);
    },
  };
}

function pointer(name: string): string {
  return pointerTo('/payload/params', name);
}

function problemOf(value: unknown, param: TemplateParam): string | undefined {
  const { type, minimum, maximum, max_length } = param;
  if (param.enum && !param.enum.includes(value as string)) return `must be one of: ${param.enum.join(', ')}`;
  if (type === 'boolean') return typeof value === 'boolean' ? undefined : 'must be true or false';
  if (type === 'string' || type === 'media') {
    if (typeof value !== 'string') return 'must be text';
    if (type === 'media' && value === '') return 'must be a media reference: artifact:…, data:…, file:… or https:…';
    return max_length !== undefined && value.length > max_length
      ? `must be at most ${max_length} characters, it has ${value.length}`
      : undefined;
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'must be a number';
  if (type !== 'number' && !Number.isSafeInteger(value)) return 'must be a whole number';
  if (minimum !== undefined && value < minimum) return `must be at least ${minimum}`;
  if (maximum !== undefined && value > maximum) return `must be at most ${maximum}`;
  return undefined;
}
