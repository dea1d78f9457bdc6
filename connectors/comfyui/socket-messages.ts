import { asRecord, textOf, type ExecutionError } from './documents.ts';

/** What a node has done so far. Values may be fractions of fractions (1.19e-06 of 3). */
export interface NodeProgress {
  value: number;
  max: number;
  finished: boolean;
}

/** What a message on the socket says, as far as a job cares. */
export type PromptEvent =
  | { type: 'started' }
  | { type: 'cached'; nodes: string[] }
  /** `node` is the one in the graph; `undefined`: nothing runs any more, the prompt has ended. */
  | { type: 'executing'; node: string | undefined }
  | { type: 'progress'; node: string; value: number; max: number }
  /** By node of the graph; nodes that wait are left out, and those inside an expanded node are not counted. */
  | { type: 'nodes'; nodes: ReadonlyMap<string, NodeProgress> }
  | { type: 'executed'; node: string; output: Record<string, unknown> }
  | { type: 'success' }
  | { type: 'error'; error: ExecutionError }
  | { type: 'interrupted' }
  | { type: 'text'; node: string; text: string }
  | { type: 'picture'; node: string | undefined; mime: string; bytes: Buffer };

/**
 * Reads a text frame.
 * @param promptId messages of other prompts, and those of nobody, give undefined; so do unknown ones
 */
export function readTextFrame(frame: string, promptId: string): PromptEvent | undefined {
  let message: Record<string, unknown>;
  try {
    message = asRecord(JSON.parse(frame));
  } catch {
    return undefined;
  }
  const data = asRecord(message['data']);
  // On reconnect the server says which node runs, without the prompt; it says so only to the prompt's own client.
  const bare = message['type'] === 'executing' && data['prompt_id'] === undefined && data['node'] != null;
  if (data['prompt_id'] !== promptId && !bare) return undefined;
  const node = textOf(data['display_node']) ?? textOf(data['node']);
  switch (message['type']) {
    case 'execution_start':
      return { type: 'started' };
    case 'execution_cached': {
      const nodes = data['nodes'];
      return { type: 'cached', nodes: Array.isArray(nodes) ? nodes.map(String) : [] };
    }
    case 'executing':
      return { type: 'executing', node: data['node'] == null ? undefined : node };
    case 'progress':
      return node === undefined ? undefined : { type: 'progress', node, ...amount(data) };
    case 'progress_state':
      return { type: 'nodes', nodes: readNodes(data['nodes']) };
    case 'executed':
      return node === undefined ? undefined : { type: 'executed', node, output: asRecord(data['output']) };
    case 'execution_success':
      return { type: 'success' };
    case 'execution_error':
      // A branch that was blocked on purpose; the prompt goes on.
      return data['exception_type'] === 'ExecutionBlocked' ? undefined : { type: 'error', error: data };
    case 'execution_interrupted':
      return { type: 'interrupted' };
    default:
      return undefined;
  }
}

/** Reads a binary frame: a preview, a picture of SaveImageWebsocket, or text of a node. */
export function readBinaryFrame(frame: Buffer, promptId: string): PromptEvent | undefined {
  if (frame.length < 8) return undefined;
  const kind = frame.readUInt32BE(0);
  const second = frame.readUInt32BE(4);
  // What stands alone in a frame: the number of the format, then the bytes.
  if (kind === 1)
    return {
      type: 'picture',
      node: undefined,
      mime: second === 2 ? 'image/png' : 'image/jpeg',
      bytes: frame.subarray(8),
    };
  if (kind !== 3 && kind !== 4) return undefined;
  const end = 8 + second;
  if (end > frame.length) return undefined;
  const head = frame.toString('utf8', 8, end);
  if (kind === 3) return { type: 'text', node: head, text: frame.toString('utf8', end) };
  let metadata: Record<string, unknown>;
  try {
    metadata = asRecord(JSON.parse(head));
  } catch {
    return undefined;
  }
  if (metadata['prompt_id'] !== promptId) return undefined;
  const node = textOf(metadata['display_node_id']) ?? textOf(metadata['node_id']);
  return { type: 'picture', node, mime: textOf(metadata['image_type']) ?? 'image/jpeg', bytes: frame.subarray(end) };
}

function readNodes(value: unknown): Map<string, NodeProgress> {
  const nodes = new Map<string, NodeProgress>();
  for (const [id, state] of Object.entries(asRecord(value))) {
    const { state: name, parent_node_id } = asRecord(state);
    // A node that an expanded one has put in; its parent stands for it.
    if (parent_node_id != null) continue;
    nodes.set(id, { ...amount(asRecord(state)), finished: name === 'finished' });
  }
  return nodes;
}

function amount(data: Record<string, unknown>): { value: number; max: number } {
  const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
  return { value: number(data['value']), max: number(data['max']) };
}
