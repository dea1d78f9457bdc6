import type { ArtifactRef } from '../../contract/artifact.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { ApiGraph } from './api-graph.ts';
import type { PromptEvent } from './socket-messages.ts';

/** The stock node that sends its pictures over the socket and nowhere else. */
const NODE_CLASS = 'SaveImageWebsocket';

export function sendsPictures(graph: ApiGraph, node: string): boolean {
  return graph[node]?.class_type === NODE_CLASS;
}

/** Pictures that come over the socket as the outputs of a node; others are previews. */
export class SocketPictures {
  readonly #graph: ApiGraph;
  readonly #context: Pick<JobContext, 'writeOutput'>;
  readonly #written: Promise<ArtifactRef>[] = [];
  readonly #received = new Map<string, number>();
  /** What the node said it would send. */
  readonly #expected = new Map<string, number>();
  #executing: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(graph: ApiGraph, context: Pick<JobContext, 'writeOutput'>) {
    this.#graph = graph;
    this.#context = context;
  }

  /** @returns a preview, when the event is one */
  take(event: PromptEvent): { mime: string; bytes: Buffer } | undefined {
    if (event.type === 'executing') this.#executing = event.node;
    if (event.type === 'progress' && sendsPictures(this.#graph, event.node)) this.#expected.set(event.node, event.max);
    if (event.type !== 'picture') return undefined;
    // A frame without a name belongs to whatever runs.
    const node = event.node ?? this.#executing;
    if (node === undefined || !sendsPictures(this.#graph, node)) return event;
    this.#write(node, event);
    return undefined;
  }

  /**
   * Waits for the pictures to be stored.
   * @throws ConnectorError `backend_error` when some were sent while nobody listened: they are nowhere else
   */
  async finish(): Promise<ArtifactRef[]> {
    const refs = await Promise.all(this.#written);
    for (const node of Object.keys(this.#graph)) {
      if (!sendsPictures(this.#graph, node)) continue;
      const received = this.#received.get(node) ?? 0;
      const expected = Math.max(1, this.#expected.get(node) ?? 1);
      if (received >= expected) continue;
      throw new ConnectorError(
        'backend_error',
        `Node ${node} (${NODE_CLASS}) sends its pictures over the socket only, and ${expected - received} of ${expected} were lost while it was down; use SaveImage, which keeps them`,
      );
    }
    return refs;
  }

  #write(node: string, { bytes, mime }: { bytes: Buffer; mime: string }): void {
    const index = (this.#received.get(node) ?? 0) + 1;
    this.#received.set(node, index);
    const name = `websocket-${node}-${index}.${mime === 'image/png' ? 'png' : 'jpg'}`;
    const written = this.#last.then(() =>
      this.#context.writeOutput(bytes, { name, mime, meta: { node_id: node, kind: 'websocket' } }),
    );
    written.catch(() => {});
    this.#last = written.catch(() => {});
    this.#written.push(written);
  }
}
