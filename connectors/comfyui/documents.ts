/**
 * ComfyUI's documents, as far as they are used here. Measured on 0.3.64; newer servers add fields. Nothing is promised
 * about this surface, so every reader takes what is missing or odd for absent.
 */

/** `[number, prompt_id, prompt, extra_data, output_node_ids]`. */
export type QueueItem = [number, string, unknown, Record<string, unknown> | null, unknown];

export interface Queue {
  running: QueueItem[];
  pending: QueueItem[];
}

/** Where a file lies on the server; the parameters of `/view`. */
export interface FileEntry {
  filename: string;
  subfolder: string;
  type: string;
}

export type NodeOutputs = Record<string, Record<string, unknown>>;

export interface HistoryEntry {
  prompt?: QueueItem;
  outputs: NodeOutputs;
  status?: { status_str?: string; completed?: boolean; messages?: [string, Record<string, unknown>][] } | null;
}

/** Of `execution_error`, in a message and in the history. */
export interface ExecutionError {
  node_id?: string;
  node_type?: string;
  exception_type?: string;
  exception_message?: string;
  traceback?: string[];
}

/** One thing that `POST /prompt` found wrong with a node. */
export interface NodeError {
  type: string;
  message: string;
  details: string;
  extra_info?: { input_name?: string; received_value?: unknown; [key: string]: unknown };
}

/** The body of a refused prompt; `node_errors` also comes with prompts that were taken in part. */
export interface PromptRefusal {
  error?: { type?: string; message?: string; details?: string };
  node_errors: Record<string, { errors: NodeError[]; class_type?: string }>;
}

export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** @returns only items that look like items */
export function readQueue(body: unknown): Queue {
  const { queue_running, queue_pending } = asRecord(body);
  const items = (list: unknown) =>
    (Array.isArray(list) ? list : []).filter((item): item is QueueItem => Array.isArray(item) && item.length >= 2);
  return { running: items(queue_running), pending: items(queue_pending) };
}

export function readHistory(body: unknown, promptId: string): HistoryEntry | undefined {
  const entry = asRecord(body)[promptId];
  if (entry === undefined) return undefined;
  const { outputs, status, prompt } = asRecord(entry);
  return {
    prompt: Array.isArray(prompt) ? (prompt as QueueItem) : undefined,
    outputs: asRecord(outputs) as NodeOutputs,
    status: asRecord(status),
  };
}

export function readRefusal(body: unknown): PromptRefusal {
  const { error, node_errors } = asRecord(body);
  const nodes = Object.entries(asRecord(node_errors)).map(([id, value]) => {
    const { errors, class_type } = asRecord(value);
    return [
      id,
      {
        errors: (Array.isArray(errors) ? errors : []) as NodeError[],
        class_type: typeof class_type === 'string' ? class_type : undefined,
      },
    ] as const;
  });
  const text = typeof error === 'string' ? { message: error } : (asRecord(error) as PromptRefusal['error']);
  return { error: text, node_errors: Object.fromEntries(nodes) };
}
