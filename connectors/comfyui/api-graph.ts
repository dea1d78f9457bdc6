/** One node of a graph in API format. */
export interface GraphNode {
  class_type: string;
  inputs: Record<string, unknown>;
  _meta?: { title?: string };
}

export type ApiGraph = Record<string, GraphNode>;

/** The node and the output that an input is linked to: `["4", 0]`. */
export function linkOf(value: unknown): { node: string; output: number } | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [node, output] = value as [unknown, unknown];
  return (typeof node === 'string' || typeof node === 'number') && typeof output === 'number'
    ? { node: String(node), output }
    : undefined;
}

/** What a node is called in messages. */
export function titleOf(graph: ApiGraph, id: string): string {
  const node = graph[id];
  if (!node) return `node ${id}`;
  const title = node._meta?.title;
  return title && title !== node.class_type
    ? `${title} (${node.class_type}, node ${id})`
    : `${node.class_type} (node ${id})`;
}

/** All that the given nodes need, themselves included; links to nodes that are not there are passed over. */
export function reachableFrom(graph: ApiGraph, outputs: Iterable<string>): Set<string> {
  const seen = new Set<string>();
  const stack = [...outputs];
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    const node = graph[id];
    if (!node || seen.has(id)) continue;
    seen.add(id);
    for (const value of Object.values(node.inputs)) {
      const link = linkOf(value);
      if (link) stack.push(link.node);
    }
  }
  return seen;
}

/** A node that needs its own output, directly or through others; undefined when there is none. */
export function nodeOnCycle(graph: ApiGraph): string | undefined {
  const state = new Map<string, 'open' | 'done'>();
  for (const start of Object.keys(graph)) {
    // An explicit stack: a chain of ten thousand nodes must not overflow ours.
    const stack: { id: string; next: string[] }[] = [];
    const enter = (id: string) => {
      state.set(id, 'open');
      stack.push({ id, next: sourcesOf(graph, id) });
    };
    if (!state.has(start)) enter(start);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const next = top.next.pop();
      if (next === undefined) {
        state.set(top.id, 'done');
        stack.pop();
      } else if (state.get(next) === 'open') return next;
      else if (!state.has(next) && graph[next]) enter(next);
    }
  }
  return undefined;
}

function sourcesOf(graph: ApiGraph, id: string): string[] {
  return Object.values(graph[id]?.inputs ?? {}).flatMap((value) => linkOf(value)?.node ?? []);
}
