import type { ApiGraph } from './api-graph.ts';
import type { ComfyPayload } from './payload.schema.ts';

/** A job's graph with its values filled in, before anything is uploaded. */
export interface JobPlan {
  graph: ApiGraph;
  payload: ComfyPayload;
  /** Inputs that must be uploaded whatever the node says of them: `{"media": "…"}`, template parameters of that type. */
  media: { node: string; input: string; reference: string }[];
  /** The place in the job document that a node, or one of its inputs, comes from. */
  pointerOf(node: string, input?: string): string;
}

/** The payload belongs to the job: nothing is written into it. */
export function copyGraph(graph: Record<string, unknown>): ApiGraph {
  const copy = structuredClone(graph) as ApiGraph;
  for (const node of Object.values(copy)) node.inputs ??= {};
  return copy;
}
