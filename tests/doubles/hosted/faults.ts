/** Which requests a fault hits; each double has routes of its own. */
export type Route = string;

/** An answer instead of the work: nothing is done, nothing is paid. */
export interface StatusFault {
  kind: 'status';
  status: number;
  error?: Record<string, unknown>;
  /** Instead of an error document, e.g. a proxy's HTML page. */
  body?: string;
  headers?: Record<string, string>;
}

/**
 * Something that goes wrong after the request was taken, and so is paid.
 * `reset`: the connection is cut before the answer. `hang`: no answer ever. `malformed`: an answer that is no JSON.
 * `drop`: the stream is cut after so many tokens. `end`: it ends properly, but too early. `stall`: it falls silent.
 * `garbage`: an event that is no JSON. `error`: an error inside the stream. `filtered`: the content filter stops it.
 * `failed` and `lost` are for stored responses: it ends as failed; it is forgotten.
 */
export interface WorkFault {
  kind:
    | 'reset'
    | 'hang'
    | 'malformed'
    | 'drop'
    | 'end'
    | 'stall'
    | 'garbage'
    | 'error'
    | 'filtered'
    | 'failed'
    | 'lost';
  /** Tokens (or partial images) that come before it. Default 0. */
  after?: number;
  error?: Record<string, unknown>;
}

/** The connection is cut before anything is taken up. */
export interface RefusalFault {
  kind: 'cut';
}

export type Fault = StatusFault | WorkFault | RefusalFault;

/** Faults to order, each for a number of requests; the first of a route goes first. */
export class Faults {
  #ordered: { route: Route; fault: Fault; left: number }[] = [];

  order(route: Route, fault: Fault, times = 1): void {
    this.#ordered.push({ route, fault, left: times });
  }

  take(route: Route): Fault | undefined {
    const found = this.#ordered.find((each) => each.route === route);
    if (found) found.left -= 1;
    this.#ordered = this.#ordered.filter((each) => each.left > 0);
    return found?.fault;
  }

  clear(): void {
    this.#ordered = [];
  }
}
