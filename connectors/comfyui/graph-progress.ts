import { type ApiGraph, titleOf } from './api-graph.ts';
import type { NodeProgress, PromptEvent } from './socket-messages.ts';

/** What a node weighs against one that does nothing slow. Its steps on top of that, up to a bound. */
const NODE_WEIGHT = 1;
const MOST_STEPS = 100;
/** A running node is never shown as done: only its end says so. */
const ALMOST = 0.99;

export interface GraphProgressView {
  /** 0–1, never falls. */
  share: number;
  /** The node that runs, for people. */
  step?: string;
  message: string;
  /** The node that runs, and the kind of the server's last message, for the log. */
  log: { node_id: string | undefined; websocket_message_type: string | undefined };
}

/** The server's names of messages. */
const WIRE_NAMES: Partial<Record<PromptEvent['type'], string>> = {
  started: 'execution_start',
  cached: 'execution_cached',
  nodes: 'progress_state',
  text: 'progress_text',
};

/**
 * Progress of a prompt over its whole graph. ComfyUI tells of single nodes only: a sampler counts its steps, most nodes
 * say nothing but that they begin and end. Nodes that the server takes from its cache count as done.
 */
export class GraphProgress {
  readonly #graph: ApiGraph;
  readonly #weights: ReadonlyMap<string, number>;
  readonly #total: number;
  readonly #done = new Set<string>();
  readonly #shares = new Map<string, number>();
  #running: string | undefined;
  #steps: { value: number; max: number } | undefined;
  /** What the running node says in words; nodes that ask a paid service do. */
  #note = '';
  #message: string | undefined;
  #share = 0;

  /** @param nodes those that will run, or are in the cache: what the outputs need */
  constructor(graph: ApiGraph, nodes: Iterable<string>) {
    this.#graph = graph;
    this.#weights = new Map([...nodes].map((id) => [id, weightOf(graph, id)]));
    this.#total = Math.max(
      1,
      [...this.#weights.values()].reduce((sum, weight) => sum + weight, 0),
    );
  }

  /** @returns whether there is something new to show */
  take(event: PromptEvent): boolean {
    this.#message = WIRE_NAMES[event.type] ?? event.type;
    switch (event.type) {
      case 'cached':
        for (const node of event.nodes) this.#finish(node);
        return event.nodes.length > 0;
      case 'executing':
        return this.#runs(event.node);
      case 'executed':
        this.#finish(event.node);
        return true;
      case 'progress':
        if (event.node !== this.#running) this.#runs(event.node);
        this.#steps = { value: event.value, max: event.max };
        this.#shares.set(event.node, shareOf(event));
        return true;
      case 'nodes':
        for (const [id, node] of event.nodes) this.#takeNode(id, node);
        return true;
      case 'text':
        this.#note = event.text.slice(0, 200);
        return true;
      default:
        return false;
    }
  }

  view(): GraphProgressView {
    let weight = 0;
    for (const [id, own] of this.#weights) weight += own * (this.#done.has(id) ? 1 : (this.#shares.get(id) ?? 0));
    this.#share = Math.max(this.#share, Math.min(1, weight / this.#total));
    const counted = [...this.#weights.keys()].filter((id) => this.#done.has(id)).length;
    const log = { node_id: this.#running, websocket_message_type: this.#message };
    const nodes = `${counted} of ${this.#weights.size} nodes done`;
    if (this.#running === undefined) return { share: this.#share, message: nodes, log };
    const step = titleOf(this.#graph, this.#running);
    const note = this.#note ? ` (${this.#note})` : '';
    return { share: this.#share, step, message: `${step}${stepsText(this.#steps)}${note}; ${nodes}`, log };
  }

  #takeNode(id: string, node: NodeProgress): void {
    if (node.finished) this.#finish(id);
    else if (!this.#done.has(id)) this.#shares.set(id, shareOf(node));
  }

  #runs(node: string | undefined): boolean {
    const changed = node !== this.#running;
    if (changed) {
      this.#steps = undefined;
      this.#note = '';
    }
    this.#running = node;
    return changed;
  }

  #finish(node: string): void {
    this.#done.add(node);
    if (node === this.#running) this.#steps = undefined;
  }
}

function weightOf(graph: ApiGraph, id: string): number {
  const steps = Number(graph[id]?.inputs['steps'] ?? 0);
  return NODE_WEIGHT + (Number.isFinite(steps) ? Math.min(MOST_STEPS, Math.max(0, steps)) : 0);
}

function shareOf({ value, max }: { value: number; max: number }): number {
  return max > 0 ? Math.min(ALMOST, Math.max(0, value / max)) : 0;
}

/** Only whole steps are worth telling; a sleep counts seconds in fractions. */
function stepsText(steps: { value: number; max: number } | undefined): string {
  if (!steps || steps.max <= 1 || !Number.isInteger(steps.max) || !Number.isInteger(steps.value)) return '';
  return `: step ${steps.value} of ${steps.max}`;
}
