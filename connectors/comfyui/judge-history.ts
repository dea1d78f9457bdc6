import type { ExecutionError, HistoryEntry, NodeOutputs } from './documents.ts';

/** How a prompt has ended. */
export type Verdict =
  | { kind: 'done'; outputs: NodeOutputs }
  | { kind: 'failed'; error: ExecutionError }
  | { kind: 'interrupted' };

/**
 * Reads the end out of a history entry. The messages decide: a prompt with a dependency cycle found at run time has
 * `status_str: "success"` and `completed: true` beside its `execution_error`.
 */
export function judge(entry: HistoryEntry): Verdict {
  const messages = entry.status?.messages ?? [];
  const find = (name: string) => messages.find((message) => Array.isArray(message) && message[0] === name)?.[1];
  const error = find('execution_error') as ExecutionError | undefined;
  if (error) return { kind: 'failed', error };
  if (find('execution_interrupted')) return { kind: 'interrupted' };
  if (entry.status?.status_str === 'error') {
    return { kind: 'failed', error: { exception_message: 'the history says error, and gives no reason' } };
  }
  return { kind: 'done', outputs: entry.outputs };
}
