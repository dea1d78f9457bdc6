import { ConnectorError } from '../../contract/connector-error.ts';

const FRESH = 5 * 60_000;
/** A server without a list is asked again after this. Milliseconds. */
const UNKNOWN = 60_000;

/** Which models a server has, as it says itself. */
export class ModelList {
  readonly #fetch: () => Promise<string[]>;
  #names: string[] | undefined;
  #until = 0;
  #asking: Promise<string[] | undefined> | undefined;
  /** Names that are not listed and work all the same: fine-tuned ones, aliases. */
  readonly #proven = new Set<string>();

  constructor(fetch: () => Promise<string[]>) {
    this.#fetch = fetch;
  }

  /** Asks now. @throws what the server answers */
  async refresh(): Promise<string[]> {
    this.#names = await this.#fetch();
    this.#until = performance.now() + FRESH;
    return this.#names;
  }

  /** undefined: the server gives no list. */
  async names(): Promise<string[] | undefined> {
    if (performance.now() < this.#until) return this.#names;
    this.#asking ??= this.refresh()
      .catch(() => {
        this.#names = undefined;
        this.#until = performance.now() + UNKNOWN;
        return undefined;
      })
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }

  /** What is known without asking; undefined when nothing is. */
  lists(model: string): boolean | undefined {
    if (this.#proven.has(model)) return true;
    return this.#names?.some((name) => isSame(name, model));
  }

  proven(model: string): void {
    this.#proven.add(model);
  }
}

/** Ollama lists `llama3:latest` and answers to `llama3`. */
function isSame(listed: string, model: string): boolean {
  return listed === model || listed === `${model}:latest`;
}

/**
 * @param names what there is instead
 * @param wayOut setting that leaves the check out
 */
export function missingModel(model: string, host: string, names: readonly string[], wayOut: string): ConnectorError {
  const near = names.filter((name) => name.startsWith(model.slice(0, 4)));
  const shown = (near.length > 0 ? near : names).slice(0, 20).join(', ');
  const hint = `it has ${shown} (${wayOut} on the worker leaves the check out)`;
  return new ConnectorError('missing_model', `${host} has no model "${model}"; ${hint}`, {
    errors: [{ pointer: '/payload/model', detail: `is not a model of ${host}`, hint }],
  });
}
