import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';
import { HttpError } from '../http/http-error.ts';
import { asRecord } from './documents.ts';

/** What a node says of one of its inputs. */
export interface InputSpec {
  /** `INT`, `IMAGE`, …; `COMBO` for a choice. */
  type: string;
  /** Of a choice. */
  options?: readonly unknown[];
  min?: number;
  max?: number;
  /** Takes a file that is uploaded before. */
  upload: boolean;
}

export interface NodeInfo {
  inputs: ReadonlyMap<string, InputSpec>;
  outputs: number;
  outputNode: boolean;
}

const CONCURRENT = 8;

/**
 * Node definitions of one server, asked class by class: the whole document is several megabytes, and while the server
 * puts it together it does nothing else.
 */
export class NodeCatalog {
  readonly #ask: (className: string) => Promise<unknown>;
  readonly #limit = pLimit(CONCURRENT);
  readonly #known: LRUCache<string, { info: NodeInfo | undefined; at: number }>;
  readonly #now: () => number;

  /** @param ttlMs how long an answer is believed; 0: never */
  constructor(
    ask: (className: string) => Promise<unknown>,
    ttlMs: number,
    now: () => number = () => performance.now(),
  ) {
    this.#ask = ask;
    this.#now = now;
    this.#known = new LRUCache({ max: 2_000, ttl: Math.max(1, ttlMs), perf: { now } });
  }

  /**
   * @param newerThan answers from before are asked again (milliseconds of the same clock as `now()`)
   * @returns undefined per class that is not installed; undefined as a whole when the server has no such route
   */
  async look(classes: Iterable<string>, newerThan = 0): Promise<Map<string, NodeInfo | undefined> | undefined> {
    try {
      const entries = await Promise.all(
        [...new Set(classes)].map((name) =>
          this.#limit(async (): Promise<[string, NodeInfo | undefined]> => [name, await this.#lookUp(name, newerThan)]),
        ),
      );
      return new Map(entries);
    } catch (error) {
      // A proxy that lets only a few routes through.
      if (error instanceof HttpError && (error.status === 403 || error.status === 404 || error.status === 405))
        return undefined;
      throw error;
    }
  }

  /** Definitions that are held now. */
  get size(): number {
    return this.#known.size;
  }

  now(): number {
    return this.#now();
  }

  clear(): void {
    this.#known.clear();
  }

  async #lookUp(className: string, newerThan: number): Promise<NodeInfo | undefined> {
    const known = this.#known.get(className);
    if (known && known.at >= newerThan) return known.info;
    const info = readNodeInfo(await this.#ask(className));
    this.#known.set(className, { info, at: this.#now() });
    return info;
  }
}

/** Reads a definition of `/object_info`; what cannot be read counts as unrestricted. */
export function readNodeInfo(value: unknown): NodeInfo | undefined {
  if (value === undefined) return undefined;
  const { input, output, output_node } = asRecord(value);
  const { required, optional } = asRecord(input);
  const specs = { ...asRecord(required), ...asRecord(optional) };
  return {
    inputs: new Map(Object.entries(specs).map(([name, spec]) => [name, readSpec(spec)])),
    outputs: Array.isArray(output) ? output.length : 0,
    outputNode: output_node === true,
  };
}

function readSpec(spec: unknown): InputSpec {
  const [type, rest] = Array.isArray(spec) ? (spec as unknown[]) : [];
  const config = asRecord(rest);
  const number = (name: string) => (typeof config[name] === 'number' ? config[name] : undefined);
  // Both ways of writing a choice are in use: [[…options], {…}] and ["COMBO", {options: […]}].
  const options = Array.isArray(type) ? type : Array.isArray(config['options']) ? config['options'] : undefined;
  return {
    type: typeof type === 'string' ? type : 'COMBO',
    options,
    min: number('min'),
    max: number('max'),
    upload: Object.entries(config).some(([name, on]) => /^(?:\w+_)?upload$/.test(name) && on === true),
  };
}
