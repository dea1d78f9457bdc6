import type { FieldError } from '../../contract/errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { linkOf, reachableFrom, titleOf } from './api-graph.ts';
import { isModelChoice } from './model-choice.ts';
import type { InputSpec, NodeCatalog, NodeInfo } from './object-info.ts';
import type { JobPlan } from './job-plan.ts';

/** Definitions of a graph's classes, or undefined where the server does not tell. */
export type Definitions = ReadonlyMap<string, NodeInfo | undefined> | undefined;

/** Answers older than this are asked again before a job is refused for them: something may just have been installed. */
const FRESH = 1_000;

/**
 * Holds a graph against what the server has, before anything is uploaded or queued. Checked is what the server would
 * refuse for certain; everything else is left to its own check.
 * @throws ConnectorError `missing_node`, `missing_model` or `validation`, with a pointer for each place
 */
export async function checkGraph(plan: JobPlan, catalog: NodeCatalog): Promise<Definitions> {
  const classes = Object.values(plan.graph).map((node) => node.class_type);
  const asked = catalog.now();
  const known = await catalog.look(classes);
  if (!known) return undefined;
  const problem = problemWith(plan, known);
  if (!problem) return known;
  const fresh = await catalog.look(classes, asked - FRESH);
  const still = fresh && problemWith(plan, fresh);
  if (still) throw still;
  return fresh;
}

function problemWith(plan: JobPlan, known: ReadonlyMap<string, NodeInfo | undefined>): ConnectorError | undefined {
  const { graph, pointerOf } = plan;
  const missing: FieldError[] = [];
  for (const [id, { class_type }] of Object.entries(graph)) {
    if (known.get(class_type)) continue;
    missing.push({
      pointer: pointerOf(id),
      detail: `uses ${class_type}, which is not installed`,
      hint: 'install the custom node that has it, or take it out',
    });
  }
  if (missing.length > 0) {
    const names = [...new Set(Object.values(graph).map((node) => node.class_type))].filter((name) => !known.get(name));
    return new ConnectorError('missing_node', `ComfyUI does not have: ${names.join(', ')}`, { errors: missing });
  }
  const outputs = Object.keys(graph).filter((id) => known.get(graph[id]!.class_type)!.outputNode);
  if (outputs.length === 0) {
    const detail = 'has no output node, so there is nothing to run';
    return new ConnectorError('validation', `The graph ${detail}`, {
      errors: [
        {
          pointer: plan.payload.template === undefined ? '/payload/workflow' : '/payload/template',
          detail,
          hint: 'end it in a node such as SaveImage',
        },
      ],
    });
  }
  const values: FieldError[] = [];
  const models: FieldError[] = [];
  for (const id of reachableFrom(graph, outputs)) {
    const info = known.get(graph[id]!.class_type)!;
    for (const [name, value] of Object.entries(graph[id]!.inputs)) {
      if (plan.media.some((each) => each.node === id && each.input === name)) continue;
      const pointer = pointerOf(id, name);
      const spec = info.inputs.get(name);
      const link = linkOf(value);
      if (link) {
        const detail = brokenLink(link, plan, known);
        if (detail) values.push({ pointer, detail });
      } else if (spec && isModelChoice(name, spec.options, value) && !spec.options?.includes(value)) {
        models.push({
          pointer,
          detail: `names ${JSON.stringify(value)}, which ${titleOf(graph, id)} does not find`,
          hint: offer(spec.options),
        });
      } else if (spec) {
        const detail = badValue(value, spec);
        if (detail) values.push({ pointer, detail: `of ${titleOf(graph, id)} ${detail}` });
      }
    }
  }
  const errors = [...values, ...models];
  if (errors.length === 0) return undefined;
  const text = errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
  return values.length > 0
    ? new ConnectorError('validation', `The graph is not valid: ${text}`, { errors })
    : new ConnectorError('missing_model', `ComfyUI does not have the model: ${text}`, { errors });
}

function brokenLink(
  { node, output }: { node: string; output: number },
  { graph }: JobPlan,
  known: ReadonlyMap<string, NodeInfo | undefined>,
): string | undefined {
  const source = graph[node];
  if (!source) return `is linked to node "${node}", which the graph does not have`;
  const { outputs } = known.get(source.class_type)!;
  return output >= 0 && output < outputs
    ? undefined
    : `is linked to output ${output} of ${titleOf(graph, node)}, which has ${outputs}`;
}

/**
 * The server converts as Python does: what is no number at all it refuses, any text counts as true for it, `"false"`
 * too, and an object becomes the text of an object.
 */
function badValue(value: unknown, { type, min, max }: InputSpec): string | undefined {
  if (type === 'BOOLEAN' && typeof value === 'string')
    return `must be true or false, not the text ${JSON.stringify(value)}`;
  // A list that is no link has to be wrapped so.
  if (value !== null && typeof value === 'object' && '__value__' in value) return undefined;
  if (type === 'STRING' && typeof value === 'object') return `must be a text, not ${kindOf(value)}`;
  if (typeof value === 'object' && /^(?:INT|FLOAT|BOOLEAN)$/.test(type)) return `must be a value, not ${kindOf(value)}`;
  if (type !== 'INT' && type !== 'FLOAT') return undefined;
  if (typeof value === 'string' && !/\d/.test(value)) return `must be a number, not ${JSON.stringify(value)}`;
  if (typeof value !== 'number') return undefined;
  if (min !== undefined && value < min) return `must be at least ${min}, not ${value}`;
  if (max !== undefined && value > max) return `must be at most ${max}, not ${value}`;
  return undefined;
}

function kindOf(value: object | null): string {
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : 'an object';
}

function offer(options: readonly unknown[] | undefined): string {
  if (!options || options.length === 0) return 'there are no such models on this server';
  const shown = options.slice(0, 10).join(', ');
  return options.length > 10 ? `there are: ${shown} and ${options.length - 10} more` : `there are: ${shown}`;
}
