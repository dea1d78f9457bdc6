import vm from 'node:vm';
import jsonata from 'jsonata';
import type { ErrorCode } from '../../contract/errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';

/** One evaluation may take so long; nothing else runs in this process meanwhile. Milliseconds. */
const TIME = 500;
/** Depth of calls and of nested expressions. */
const DEPTH = 200;
/** Elements of one sequence. */
const ELEMENTS = 1_000_000;
/** One match of a regular expression, which JSONata's own limit does not reach. Milliseconds. */
const MATCH_TIME = 100;

/** What a template or an expression can refer to. In expressions over an answer these are variables: `$payload.size`. */
export type Scope = Readonly<Record<string, unknown>>;

/** A JSONata expression of a service file, within limits on time, depth and size. */
export class Expression {
  readonly #where: string;
  readonly #compiled: jsonata.Expression;

  /**
   * @param where field of the service file, for messages
   * @throws ConnectorError `internal`, not to be retried, when it is no JSONata
   */
  constructor(source: string, where: string) {
    this.#where = where;
    try {
      const RegexEngine = LimitedRegExp as unknown as RegExpConstructor;
      this.#compiled = jsonata(source, { timeout: TIME, stack: DEPTH, sequence: ELEMENTS, RegexEngine });
    } catch (error) {
      const { message, position } = error as jsonata.JsonataError;
      const text = `${where}: "${source}" is no JSONata: ${message} (at ${position})`;
      throw new ConnectorError('internal', text, { cause: error, retryable: false });
    }
  }

  /**
   * @param input the root, `$$`
   * @param scope bound as variables
   * @param blame the code of a failure: whose data does not fit?
   * @returns plain JSON, or undefined where there is nothing
   */
  async evaluate(input: unknown, scope: Scope, blame: ErrorCode = 'backend_error'): Promise<unknown> {
    try {
      return plain(await this.#compiled.evaluate(input, { ...scope }));
    } catch (error) {
      const { message, code } = error as jsonata.JsonataError;
      throw new ConnectorError(blame, `${this.#where}: ${message}${code ? ` (JSONata ${code})` : ''}`, {
        cause: error,
      });
    }
  }

  /** As text; undefined where there is nothing. Numbers and the like are written out. */
  async text(input: unknown, scope: Scope, blame?: ErrorCode): Promise<string | undefined> {
    const value = await this.evaluate(input, scope, blame);
    if (value === undefined || value === null) return undefined;
    return typeof value === 'string' ? value : JSON.stringify(value);
  }

  /** A number, or undefined for anything else. */
  async number(input: unknown, scope: Scope): Promise<number | undefined> {
    const value = await this.evaluate(input, scope);
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
  }

  /** Nothing is no element, one value one, a list its elements. */
  async list(input: unknown, scope: Scope): Promise<unknown[]> {
    const value = await this.evaluate(input, scope);
    return value === undefined || value === null ? [] : [value].flat();
  }
}

/** JSONata's lists carry marks, and a value may be a function: neither belongs into what leaves here. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
  const text = JSON.stringify(value, (_, each: unknown) => (isFunction(each) ? undefined : each)) as string | undefined;
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

function isFunction(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('_jsonata_lambda' in value || '_jsonata_function' in value);
}

/** Data of a client decide how long a match takes: one that backtracks without end is stopped from outside. */
class LimitedRegExp extends RegExp {
  override exec(text: string): RegExpExecArray | null {
    matcher ??= makeMatcher();
    const { source, flags, lastIndex } = this;
    const [match, next] = matcher({ text, source, flags, lastIndex });
    this.lastIndex = next;
    return match;
  }
}

type Matcher = (sought: object) => [RegExpExecArray | null, number];
let matcher: Matcher | undefined;

function makeMatcher(): Matcher {
  const context = vm.createContext({ sought: {} });
  const script = new vm.Script(
    '{ const r = new RegExp(sought.source, sought.flags); r.lastIndex = sought.lastIndex; [r.exec(sought.text), r.lastIndex] }',
  );
  return (sought) => {
    context['sought'] = sought;
    return script.runInContext(context, { timeout: MATCH_TIME }) as ReturnType<Matcher>;
  };
}
