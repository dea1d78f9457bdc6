import { z } from 'zod';

/** How to get what is wanted, in the menus of ComfyUI's editor. */
const EXPORT_HINT =
  'in ComfyUI choose Workflow > Export (API) (older editors: "Save (API Format)", after switching on "Dev mode options") and send that file';

const nodeSchema = z.looseObject({
  class_type: z.string('must be the name of a node class').min(1, 'must be the name of a node class'),
  inputs: z.record(z.string(), z.unknown(), 'must be an object of inputs').default({}),
});

/** A graph in API format: `{"4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}}}`. */
const graphSchema = z
  .record(z.string(), z.unknown(), 'must be an object of nodes by their ids')
  .superRefine((graph, ctx) => {
    if (isUiFormat(graph)) {
      ctx.addIssue({ code: 'custom', message: `is a graph as the editor saves it, not in API format; ${EXPORT_HINT}` });
      return;
    }
    const ids = Object.keys(graph);
    const wrapped = ['prompt', 'output', 'workflow'].find((key) => looksLikeGraph(graph[key]));
    if (wrapped !== undefined) {
      ctx.addIssue({ code: 'custom', message: `holds the graph under "${wrapped}"; send what stands there` });
      return;
    }
    if (ids.length === 0) ctx.addIssue({ code: 'custom', message: 'has no nodes' });
    for (const id of ids) {
      const node = nodeSchema.safeParse(graph[id]);
      for (const issue of node.error?.issues ?? []) {
        ctx.addIssue({ code: 'custom', message: issue.message, path: [id, ...issue.path] });
      }
    }
  });

/** The body of `POST /prompt` or the editor's export of both formats, instead of the graph in it. */
function looksLikeGraph(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || 'class_type' in value) return false;
  const nodes = Object.values(value);
  return nodes.length > 0 && nodes.every((node) => typeof node === 'object' && node !== null && 'class_type' in node);
}

function isUiFormat(graph: Record<string, unknown>): boolean {
  return Array.isArray(graph['nodes']) || (typeof graph['last_node_id'] !== 'undefined' && 'links' in graph);
}

const mediaSchema = z.strictObject({ media: z.string().min(1) });

export const comfyuiPayload = z
  .strictObject({
    workflow: graphSchema.optional().describe('The graph in API format; either this or `template`'),
    inputs: z
      .record(
        z.string().regex(/^.+\..+$/, 'must be named "<node id>.<input>"'),
        z.union([z.string(), z.number(), z.boolean(), z.array(z.unknown()), mediaSchema]),
      )
      .optional()
      .describe(
        'Values put into the graph, by "<node id>.<input>". A media reference at an input that takes a file is ' +
          'uploaded; write {"media": "artifact:…"} where the node does not say that it takes one',
      ),
    template: z
      .string()
      .regex(/^[\w-]+(?:\/[\w-]+)*$/, 'must be the name of a template: letters, digits, "_", "-" and "/"')
      .optional()
      .describe('Name of a graph kept with the configuration; either this or `workflow`'),
    params: z.record(z.string(), z.unknown()).optional().describe('Parameters of the template'),
    collect: z
      .enum(['auto', 'output', 'all'], 'must be auto, output or all')
      .default('auto')
      .describe(
        'Which files become artifacts: saved ones (output), previews too (all), or previews when nothing was saved',
      ),
  })
  .superRefine((payload, ctx) => {
    const { workflow, template, inputs, params } = payload;
    const issue = (path: string[], message: string) => ctx.addIssue({ code: 'custom', path, message });
    if (workflow === undefined && template === undefined)
      issue(['workflow'], 'is missing; give a workflow or a template');
    if (workflow !== undefined && template !== undefined) issue(['template'], 'cannot be given beside a workflow');
    if (template === undefined && params !== undefined)
      issue(['params'], 'belong to a template; use `inputs` with a workflow');
    if (workflow === undefined && inputs !== undefined)
      issue(['inputs'], 'belong to a workflow; use `params` with a template');
    for (const name of workflow && inputs ? Object.keys(inputs) : []) {
      if (!Object.hasOwn(workflow!, nodeOf(name)))
        issue(['inputs', name], `names node "${nodeOf(name)}", which the workflow does not have`);
    }
  });

/** Node ids may hold dots (`"12.0.3"` in expanded graphs), input names do not. */
export function nodeOf(name: string): string {
  return name.slice(0, name.lastIndexOf('.'));
}

/** Payload of a `comfyui` job, defaults filled in. */
export type ComfyPayload = z.output<typeof comfyuiPayload>;

const paramSchema = z.strictObject({
  type: z
    .enum(['string', 'integer', 'number', 'boolean', 'media', 'seed'])
    .describe('media: a reference, uploaded before the run; seed: an integer, drawn when not given'),
  to: z
    .array(z.string().regex(/^.+\..+$/, 'must be "<node id>.<input>"'))
    .min(1)
    .describe('Where the value goes'),
  description: z.string().optional(),
  default: z.unknown().optional().describe('Without one the parameter must be given'),
  enum: z.array(z.union([z.string(), z.number()])).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  max_length: z.int().min(1).optional(),
});

/** A template file: a graph, and the places in it that a job may set. */
export const templateSchema = z.strictObject({
  $schema: z.string().optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  params: z.record(z.string(), paramSchema).default({}),
  workflow: graphSchema,
});

export type Template = z.output<typeof templateSchema>;
export type TemplateParam = z.output<typeof paramSchema>;
