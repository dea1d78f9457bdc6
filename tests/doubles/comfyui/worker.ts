import { setTimeout as delay } from 'node:timers/promises';
import type { Files } from './files.ts';
import type { NodeDefinition } from './node-definitions.ts';
import { effectOf, NodeError, type NodeWork } from './node-effects.ts';
import type { Sockets } from './sockets.ts';
import { linkOf, type Graph, type HistoryEntry, type NodeOutput, type QueueItem } from './wire.ts';

class Interrupted extends Error {}
/** Goes past the guard around a node: the thread is gone, the server does not notice. */
class ThreadDeath extends Error {}

interface NodeState {
  value: number;
  max: number;
  state: 'running' | 'finished';
}

/** The queue and the one worker thread of a server; all of it is lost in a restart. */
export class Worker {
  readonly running: QueueItem[] = [];
  readonly pending: QueueItem[] = [];
  /** Taken out of the queue while they waited. */
  readonly removed: QueueItem[] = [];
  readonly history = new Map<string, HistoryEntry>();
  readonly #sockets: Sockets;
  readonly #files: Files;
  readonly #definitions: () => Record<string, NodeDefinition>;
  readonly #released = new Set<string>();
  readonly #waiting = new Map<string, () => void>();
  /** Outputs of nodes that need not run again, by what they depend on. */
  readonly #cache = new Map<string, NodeOutput | undefined>();
  #interrupt = false;
  #dropCache = false;
  #alive = true;
  #stopped = false;
  #wake: () => void = () => {};
  /** Which client's prompt runs, and at which node; told to a socket that connects. */
  executing: { clientId?: string; node?: string } = {};
  /** Milliseconds between `execution_success` and the entry in the history. */
  historyLag = 0;
  /** `Hold` and `Stuck` let everybody pass. */
  gatesOpen = false;
  /** Takes prompts and starts none. */
  #paused = false;
  /** The next so many interrupts come too early and are forgotten. */
  loseInterrupts = 0;

  constructor(sockets: Sockets, files: Files, definitions: () => Record<string, NodeDefinition>) {
    this.#sockets = sockets;
    this.#files = files;
    this.#definitions = definitions;
    void this.#run();
  }

  put(item: QueueItem): void {
    this.pending.push(item);
    this.status();
    this.#wake();
  }

  remove(promptId: string): boolean {
    const at = this.pending.findIndex((item) => item[1] === promptId);
    if (at < 0) return false;
    this.removed.push(...this.pending.splice(at, 1));
    this.status();
    return true;
  }

  /** @returns whether it reached something that runs */
  interrupt(promptId?: string): boolean {
    if (promptId && !this.running.some((item) => item[1] === promptId)) return false;
    if (this.loseInterrupts > 0) {
      this.loseInterrupts -= 1;
      return true;
    }
    this.#interrupt = true;
    return this.running.length > 0;
  }

  /** `/free`: acted on after the current prompt. */
  free(memory: boolean): void {
    if (memory) this.#dropCache = true;
  }

  release(name: string): void {
    this.#released.add(name);
    this.#waiting.get(name)?.();
  }

  /** Lets everybody pass who waits, and whoever comes. */
  openGates(): void {
    this.gatesOpen = true;
    for (const wake of this.#waiting.values()) wake();
  }

  isHolding(name: string): boolean {
    return this.#waiting.has(name);
  }

  /** Names that nodes wait for. */
  get holding(): string[] {
    return [...this.#waiting.keys()];
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    this.#wake();
  }

  /** The thread dies between two prompts: what is posted is taken and never runs. */
  kill(): void {
    this.#alive = false;
    this.#wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#interrupt = true;
    for (const wake of this.#waiting.values()) wake();
    this.#wake();
  }

  status(): void {
    const queue_remaining = this.running.length + this.pending.length;
    this.#sockets.send('status', { status: { exec_info: { queue_remaining } } });
  }

  async #run(): Promise<void> {
    while (this.#alive && !this.#stopped) {
      const item = this.#paused ? undefined : this.#next();
      if (!item) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.running.push(item);
      this.status();
      try {
        await this.#execute(item);
      } catch (error) {
        if (error instanceof ThreadDeath || this.#stopped) return;
        throw error;
      }
      if (this.#dropCache) this.#cache.clear();
      this.#dropCache = false;
    }
  }

  #next(): QueueItem | undefined {
    const first = this.pending.toSorted((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1))[0];
    if (first) this.pending.splice(this.pending.indexOf(first), 1);
    return first;
  }

  async #execute(item: QueueItem): Promise<void> {
    const [, promptId, graph, extra, outputs] = item;
    const clientId = typeof extra['client_id'] === 'string' ? extra['client_id'] : undefined;
    const messages: HistoryEntry['status']['messages'] = [];
    const say = (event: string, data: Record<string, unknown>, everybody = false) => {
      const full = { prompt_id: promptId, ...data, timestamp: Date.now() };
      if (event !== 'executed') messages.push([event, full]);
      if (clientId !== undefined || everybody) this.#sockets.send(event, full, everybody ? undefined : clientId);
    };
    this.#interrupt = false;
    this.executing = { clientId };
    say('execution_start', {});
    const order = sortedNodes(graph, outputs);
    const cached = order.filter((id) => this.#cache.has(signature(graph, id)));
    say('execution_cached', { nodes: cached });
    const done: Record<string, NodeOutput> = {};
    const states = new Map<string, NodeState>();
    let success = true;
    for (const id of order) {
      const node = graph[id]!;
      const ui = (output: NodeOutput | undefined) => {
        if (!output) return;
        done[id] = output;
        if (clientId !== undefined)
          this.#sockets.send('executed', { node: id, display_node: id, output, prompt_id: promptId }, clientId);
      };
      if (cached.includes(id)) {
        ui(this.#cache.get(signature(graph, id)));
        continue;
      }
      states.set(id, { value: 0, max: 1, state: 'running' });
      this.#tellProgress(promptId, clientId, states);
      this.executing = { clientId, node: id };
      if (clientId !== undefined)
        this.#sockets.send('executing', { node: id, display_node: id, prompt_id: promptId }, clientId);
      try {
        const output = await effectOf(node.class_type)(this.#work(item, id, clientId, states));
        if (this.#stopped) throw new ThreadDeath();
        // Looked at between two nodes, too.
        if (this.#interrupt) throw new Interrupted();
        this.#cacheUnlessVolatile(graph, id, output);
        ui(output);
        states.set(id, { ...states.get(id)!, value: states.get(id)!.max, state: 'finished' });
        this.#tellProgress(promptId, clientId, states);
      } catch (error) {
        if (this.#stopped || error instanceof ThreadDeath) throw error;
        const about = { node_id: id, node_type: node.class_type, executed: Object.keys(done) };
        success = false;
        if (error instanceof Interrupted) say('execution_interrupted', about, clientId === undefined);
        else {
          const { type, message } = error instanceof NodeError ? error : { type: 'Exception', message: String(error) };
          // A cycle at run time is noted, and the history says success nevertheless.
          success = type === 'DependencyCycleError';
          say('execution_error', {
            ...about,
            exception_message: `${message}\n`,
            exception_type: type,
            traceback: ['  File "nodes.py", line 1, in execute\n'],
            current_inputs: [],
            current_outputs: [],
          });
        }
        break;
      }
    }
    if (success && !messages.some(([event]) => event === 'execution_error')) say('execution_success', {});
    if (this.historyLag > 0) await delay(this.historyLag);
    if (this.#stopped) throw new ThreadDeath();
    this.running.splice(this.running.indexOf(item), 1);
    this.history.set(promptId, {
      prompt: item,
      outputs: done,
      status: { status_str: success ? 'success' : 'error', completed: success, messages },
      meta: Object.fromEntries(
        Object.keys(done).map((id) => [id, { node_id: id, display_node: id, parent_node: null, real_node_id: id }]),
      ),
    });
    this.status();
    this.executing = {};
    if (clientId !== undefined) this.#sockets.send('executing', { node: null, prompt_id: promptId }, clientId);
  }

  #work(item: QueueItem, id: string, clientId: string | undefined, states: Map<string, NodeState>): NodeWork {
    const [, promptId, graph] = item;
    return {
      graph,
      id,
      inputs: graph[id]!.inputs,
      files: this.#files,
      progress: (value, max) => {
        states.set(id, { value, max, state: 'running' });
        // Without a client id it goes to everybody.
        this.#tellProgress(promptId, clientId, states);
        this.#sockets.send('progress', { value, max, prompt_id: promptId, node: id }, clientId);
        if (this.#interrupt) throw new Interrupted();
      },
      picture: (bytes, format) => {
        const metadata = {
          node_id: id,
          prompt_id: promptId,
          display_node_id: id,
          parent_node_id: null,
          real_node_id: id,
        };
        this.#sockets.sendPicture(bytes, format, metadata, clientId);
      },
      text: (text) => this.#sockets.sendText(id, text, clientId),
      held: (name, tick) => this.#hold(name, tick),
      die: () => {
        throw new ThreadDeath();
      },
      isOutput: (className) => this.#definitions()[className]?.output_node ?? false,
    };
  }

  async #hold(name: string, tick: (() => void) | undefined): Promise<void> {
    while (!this.#released.has(name) && !this.gatesOpen && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#waiting.set(name, resolve);
        if (tick) setTimeout(resolve, 10).unref();
      });
      try {
        tick?.();
      } catch (error) {
        this.#waiting.delete(name);
        throw error;
      }
    }
    this.#waiting.delete(name);
  }

  #tellProgress(promptId: string, clientId: string | undefined, states: Map<string, NodeState>): void {
    const nodes = Object.fromEntries(
      [...states].map(([id, state]) => [
        id,
        { ...state, node_id: id, prompt_id: promptId, display_node_id: id, parent_node_id: null, real_node_id: id },
      ]),
    );
    this.#sockets.send('progress_state', { prompt_id: promptId, nodes }, clientId);
  }

  #cacheUnlessVolatile(graph: Graph, id: string, output: NodeOutput | undefined): void {
    if (graph[id]!.class_type !== 'SaveImageWebsocket') this.#cache.set(signature(graph, id), output);
  }
}

/** Everything that an output needs, in an order in which it can run. */
function sortedNodes(graph: Graph, outputs: readonly string[]): string[] {
  const order: string[] = [];
  const visit = (id: string) => {
    if (order.includes(id)) return;
    for (const value of Object.values(graph[id]!.inputs)) {
      const link = linkOf(value);
      if (link) visit(link[0]);
    }
    order.push(id);
  };
  for (const output of outputs) visit(output);
  return order;
}

/** The same for a node with the same inputs all the way up. */
function signature(graph: Graph, id: string): string {
  const node = graph[id]!;
  const inputs = Object.entries(node.inputs).map(([name, value]) => {
    const link = linkOf(value);
    return [name, link ? [signature(graph, link[0]), link[1]] : value];
  });
  return JSON.stringify([node.class_type, inputs]);
}
