import { createHash } from 'node:crypto';
import { pointerTo } from '../../platform/routing/check-shape.ts';
import { readPayload } from '../base/read-payload.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { nodeOnCycle, titleOf } from './api-graph.ts';
import { fillTemplate } from './fill-template.ts';
import { copyGraph, type JobPlan } from './job-plan.ts';
import { comfyuiPayload, nodeOf, type ComfyPayload, type Template } from './payload.schema.ts';

/**
 * Turns a payload into a graph.
 * @param template reads a template by name
 * @throws ConnectorError `validation` with a pointer for each bad field, `not_found` for an unknown template
 */
export async function planGraph(
  value: unknown,
  jobId: string,
  template: (name: string) => Promise<Template>,
): Promise<JobPlan> {
  const payload = readPayload(comfyuiPayload, value);
  const plan =
    payload.template === undefined
      ? fromWorkflow(payload)
      : fillTemplate(payload, await template(payload.template), seedOf(jobId));
  const looping = nodeOnCycle(plan.graph);
  if (looping !== undefined) {
    const detail = `${titleOf(plan.graph, looping)} needs its own output: the links form a circle`;
    throw new ConnectorError('validation', `The graph cannot run: ${detail}`, {
      errors: [{ pointer: plan.pointerOf(looping), detail }],
    });
  }
  return plan;
}

function fromWorkflow(payload: ComfyPayload): JobPlan {
  const graph = copyGraph(payload.workflow ?? {});
  const media: JobPlan['media'] = [];
  const given = payload.inputs ?? {};
  for (const [name, value] of Object.entries(given)) {
    const node = nodeOf(name);
    const input = name.slice(node.length + 1);
    if (typeof value === 'object' && !Array.isArray(value)) media.push({ node, input, reference: value.media });
    else graph[node]!.inputs[input] = value;
  }
  const pointerOf = (node: string, input?: string) => {
    const name = `${node}.${input}`;
    if (input !== undefined && Object.hasOwn(given, name)) return pointerTo('/payload/inputs', name);
    const place = pointerTo('/payload/workflow', node);
    return input === undefined ? place : pointerTo(`${place}/inputs`, input);
  };
  return { graph, payload, media, pointerOf };
}

/** The same in every attempt: a job that is tried again asks for the same picture. */
function seedOf(jobId: string): number {
  return createHash('sha256').update(`seed of ${jobId}`).digest().readUIntBE(0, 6);
}
