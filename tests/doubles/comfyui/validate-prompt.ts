import type { NodeDefinition } from './node-definitions.ts';
import { type Graph, type InputError, linkOf, type NodeErrors } from './wire.ts';

export interface Validation {
  /** Output nodes that will run; the prompt is accepted when there is one. */
  outputs: string[];
  error?: InputError;
  node_errors: Record<string, NodeErrors>;
}

/**
 * What `POST /prompt` checks, with the real server's types and texts. A prompt of which one output validates is taken;
 * the outputs that do not are dropped, and `node_errors` says so.
 */
export function validatePrompt(
  graph: Graph,
  definitions: Record<string, NodeDefinition>,
  inputFiles: ReadonlySet<string>,
  partial?: string[],
): Validation {
  const outputs: string[] = [];
  for (const [id, node] of Object.entries(graph)) {
    if (!node || typeof node !== 'object' || !('class_type' in node)) {
      return refused(
        'invalid_prompt',
        'Cannot execute because a node is missing the class_type property.',
        `Node ID '#${id}'`,
      );
    }
    const definition = definitions[node.class_type];
    if (!definition) {
      return refused(
        'invalid_prompt',
        `Cannot execute because node ${node.class_type} does not exist.`,
        `Node ID '#${id}'`,
      );
    }
    if (definition.output_node && (!partial || partial.includes(id))) outputs.push(id);
  }
  if (outputs.length === 0) return refused('prompt_no_outputs', 'Prompt has no outputs', '');

  const node_errors: Record<string, NodeErrors> = {};
  const good: string[] = [];
  const details: string[] = [];
  for (const output of outputs) {
    if (hasCycle(graph, output)) {
      details.push('Exception when validating node: maximum recursion depth exceeded');
      continue;
    }
    const bad = new Map<string, InputError[]>();
    validateNode(output, { graph, definitions, inputFiles, bad, seen: new Set() });
    for (const [id, errors] of bad) {
      const known = (node_errors[id] ??= { errors, dependent_outputs: [], class_type: graph[id]?.class_type ?? '' });
      known.dependent_outputs.push(output);
    }
    if (bad.size === 0) good.push(output);
  }
  if (good.length > 0) return { outputs: good, node_errors };
  return {
    ...refused('prompt_outputs_failed_validation', 'Prompt outputs failed validation', details.join('\n')),
    node_errors,
  };
}

function refused(type: string, message: string, details: string): Validation {
  return { outputs: [], error: { type, message, details, extra_info: {} }, node_errors: {} };
}

interface Walk {
  graph: Graph;
  definitions: Record<string, NodeDefinition>;
  inputFiles: ReadonlySet<string>;
  bad: Map<string, InputError[]>;
  seen: Set<string>;
}

function validateNode(id: string, walk: Walk): void {
  if (walk.seen.has(id)) return;
  walk.seen.add(id);
  const node = walk.graph[id]!;
  const { required, optional = {} } = walk.definitions[node.class_type]!.input;
  const errors: InputError[] = [];
  for (const [name, spec] of Object.entries({ ...required, ...optional })) {
    if (!(name in node.inputs)) {
      if (name in required)
        errors.push(of('required_input_missing', 'Required input is missing', name, { input_name: name }));
      continue;
    }
    const value = node.inputs[name];
    const link = linkOf(value);
    if (Array.isArray(value) && !link) {
      errors.push(
        of('bad_linked_input', 'Bad linked input, must be a length-2 list of [node_id, slot_index]', name, {
          input_name: name,
          received_value: value,
        }),
      );
    } else if (link) {
      const error = validateLink(name, spec, link, walk);
      if (error) errors.push(error);
    } else {
      const error = validateValue(name, spec, value, walk.inputFiles);
      if (error) errors.push(error);
    }
  }
  if (errors.length > 0) walk.bad.set(id, errors);
}

function validateLink(name: string, spec: unknown[], link: [string, number], walk: Walk): InputError | undefined {
  const source = walk.graph[link[0]];
  if (!source)
    return of('exception_during_validation', 'Exception when validating node', `'${link[0]}'`, {
      exception_type: 'KeyError',
      traceback: [],
    });
  const given = walk.definitions[source.class_type]?.output[link[1]];
  if (given !== spec[0] && spec[0] !== '*') {
    const details = `${name}, received_type(${given}) mismatch input_type(${String(spec[0])})`;
    return of('return_type_mismatch', 'Return type mismatch between linked nodes', details, {
      input_name: name,
      received_type: given,
      linked_node: link,
    });
  }
  validateNode(link[0], walk);
  return undefined;
}

function validateValue(
  name: string,
  spec: unknown[],
  value: unknown,
  inputFiles: ReadonlySet<string>,
): InputError | undefined {
  const [type, config = {}] = spec as [
    unknown,
    { min?: number; max?: number; options?: unknown[]; image_upload?: boolean; audio_upload?: boolean }?,
  ];
  const info = { input_name: name, input_config: spec, received_value: value };
  if (config.image_upload || config.audio_upload) {
    // These nodes check for themselves, so the list does not count.
    if (inputFiles.has(String(value))) return undefined;
    const kind = config.image_upload ? 'image' : 'audio';
    return of(
      'custom_validation_failed',
      'Custom validation failed for node',
      `${name} - Invalid ${kind} file: ${String(value)}`,
      { input_name: name },
    );
  }
  if (type === 'INT' || type === 'FLOAT') {
    const number = Number(value);
    if (typeof value === 'object' || !Number.isFinite(number)) {
      return of(
        'invalid_input_type',
        `Failed to convert an input value to a ${type} value`,
        `${name}, ${String(value)}`,
        info,
      );
    }
    if (config.min !== undefined && number < config.min)
      return of('value_smaller_than_min', `Value ${number} smaller than min of ${config.min}`, name, info);
    if (config.max !== undefined && number > config.max)
      return of('value_bigger_than_max', `Value ${number} bigger than max of ${config.max}`, name, info);
  }
  const options = Array.isArray(type) ? type : type === 'COMBO' ? config.options : undefined;
  if (options && !options.includes(value)) {
    return of(
      'value_not_in_list',
      'Value not in list',
      `${name}: '${String(value)}' not in ${JSON.stringify(options)}`,
      {
        ...info,
        input_config: options.length > 20 ? null : spec,
      },
    );
  }
  return undefined;
}

function of(type: string, message: string, details: string, extra_info: Record<string, unknown>): InputError {
  return { type, message, details, extra_info };
}

function hasCycle(graph: Graph, from: string, path: readonly string[] = []): boolean {
  if (path.includes(from)) return true;
  const node = graph[from];
  if (!node) return false;
  return Object.values(node.inputs).some((value) => {
    const link = linkOf(value);
    return link !== undefined && hasCycle(graph, link[0], [...path, from]);
  });
}
