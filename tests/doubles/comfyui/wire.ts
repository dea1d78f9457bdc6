/** Shapes of ComfyUI's HTTP and WebSocket documents, as the double sends them. */
export type Graph = Record<string, { class_type: string; inputs: Record<string, unknown>; _meta?: { title?: string } }>;

/** A place in the queue: `[number, prompt_id, prompt, extra_data, output_node_ids]`. */
export type QueueItem = [number, string, Graph, Record<string, unknown>, string[]];

export interface FileEntry {
  filename: string;
  subfolder: string;
  type: 'output' | 'temp' | 'input';
}

export type NodeOutput = Record<string, unknown[]>;

export interface HistoryEntry {
  prompt: QueueItem;
  outputs: Record<string, NodeOutput>;
  status: { status_str: 'success' | 'error'; completed: boolean; messages: [string, Record<string, unknown>][] };
  meta: Record<string, unknown>;
}

export interface InputError {
  type: string;
  message: string;
  details: string;
  extra_info: Record<string, unknown>;
}

export interface NodeErrors {
  errors: InputError[];
  dependent_outputs: string[];
  class_type: string;
}

/** A link to another node's output: `["4", 0]`. */
export function linkOf(value: unknown): [string, number] | undefined {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'number'
    ? [value[0], value[1]]
    : undefined;
}
