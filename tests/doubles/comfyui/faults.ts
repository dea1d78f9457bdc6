import type { IncomingMessage, ServerResponse } from 'node:http';

/** Something that goes wrong with a request. */
export interface Fault {
  /** `POST /prompt`, `GET /history` (matches what begins so). */
  route: string;
  /** How many requests it hits; default 1. */
  times?: number;
  /**
   * `answer`: this status instead of the work. `reset`: the connection is cut without an answer. `reset_after`: the
   * work is done, then the connection is cut. `hang`: no answer ever. `truncate`: the body ends in the middle.
   * `garbage`: 200 with something that is no JSON. `slow`: the answer waits so long.
   */
  kind: 'answer' | 'reset' | 'reset_after' | 'hang' | 'truncate' | 'garbage' | 'slow';
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  ms?: number;
}

/** The faults that a test has asked for, used up one by one. */
export class Faults {
  readonly #faults: Fault[] = [];

  add(fault: Fault): void {
    this.#faults.push({ times: 1, ...fault });
  }

  clear(): void {
    this.#faults.length = 0;
  }

  take(method: string, path: string): Fault | undefined {
    const at = this.#faults.findIndex(({ route, times = 1 }) => times > 0 && `${method} ${path}`.startsWith(route));
    const fault = this.#faults[at];
    if (!fault) return undefined;
    fault.times = (fault.times ?? 1) - 1;
    return fault;
  }
}

/**
 * Carries out a fault.
 * @returns true when the request is done with; false when the work goes on
 */
export async function inflict(fault: Fault, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  switch (fault.kind) {
    case 'answer':
      response.writeHead(fault.status ?? 500, { 'content-type': 'text/plain', ...fault.headers });
      response.end(fault.body ?? 'a fault of the test');
      return true;
    case 'reset':
      request.socket.destroy();
      return true;
    case 'hang':
      return true;
    case 'garbage':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(fault.body ?? '{"queue_running": [');
      return true;
    case 'slow':
      await new Promise((resolve) => setTimeout(resolve, fault.ms ?? 100));
      return false;
    case 'reset_after':
    case 'truncate':
      return false;
  }
}
