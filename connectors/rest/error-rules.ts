import { ERROR_CODES } from '../../contract/errors.ts';
import type { ConnectorError } from '../contract/connector-error.ts';
import { HttpError } from '../http/http-error.ts';
import { Expression, type Scope } from './expression.ts';
import type { ErrorRule } from './response.schema.ts';

/** An answer as the rules of a service file see it. */
export interface AnswerFacts {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: unknown;
}

/** The `errors` of a service file: what counts as an error, and as which one. */
export class ErrorRules {
  readonly #rules: readonly { rule: ErrorRule; when: Expression; message: Expression | undefined }[];

  constructor(rules: readonly ErrorRule[], where: string) {
    this.#rules = rules.map((rule, index) => ({
      rule,
      when: new Expression(rule.when, `${where}.errors.${index}.when`),
      message:
        rule.message === undefined ? undefined : new Expression(rule.message, `${where}.errors.${index}.message`),
    }));
  }

  get none(): boolean {
    return this.#rules.length === 0;
  }

  /** The error that an answer stands for by the first rule that holds. */
  async find(answer: AnswerFacts, scope: Scope, error?: HttpError): Promise<ConnectorError | undefined> {
    for (const { rule, when, message } of this.#rules) {
      if (!truthy(await when.evaluate(answer, scope))) continue;
      const said = (await message?.text(answer, scope)) ?? error?.message ?? `the service answered ${answer.status}`;
      const { status, headers, body } = answer;
      return new HttpError(rule.code, said.slice(0, 2_000), {
        cause: error,
        delivery: 'answered',
        status,
        headers,
        body,
        retryable: rule.retryable ?? ERROR_CODES[rule.code].retryable,
        retry_after_ms: error?.retry_after_ms,
      });
    }
    return undefined;
  }

  /** An error of a request in the words of the rules; itself where none holds. */
  async explain(error: unknown, scope: Scope): Promise<unknown> {
    if (!(error instanceof HttpError) || error.status === undefined || this.none) return error;
    const { status, headers, body } = error;
    return (await this.find({ status, headers, body }, scope, error)) ?? error;
  }
}

/** As JSONata's `$boolean`: nothing, 0, empty texts, lists and objects do not hold. */
export function truthy(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Boolean(value);
  return Array.isArray(value) ? value.some(truthy) : Object.keys(value).length > 0;
}
