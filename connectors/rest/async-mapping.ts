import type { ServiceJobStatus } from '../contract/connector.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { HttpRequest } from '../http/http-client.ts';
import { HttpError } from '../http/http-error.ts';
import type { RestTarget } from './rest-connector.ts';
import { Expression, type Scope } from './expression.ts';
import type { RequestMaker } from './request.ts';

/** How a service says its job is, in our words. */
export interface ServiceState {
  state: ServiceJobStatus['status'];
  /** The answer that says so; undefined when the service does not know the job. */
  body: unknown;
  progress: number | undefined;
  message: string | undefined;
  error: string | undefined;
}

/** The `async` part of a service file, compiled. */
export class AsyncMapping {
  readonly cancelRequest: RequestMaker | undefined;
  readonly resultRequest: RequestMaker | undefined;
  readonly #target: RestTarget<'async'>;
  readonly #statusRequest: RequestMaker;
  readonly #expressions: Record<'job_id' | 'keep' | 'state' | 'progress' | 'message' | 'error', Expression | undefined>;

  constructor(target: RestTarget<'async'>) {
    const { runtime } = target;
    const { service, async: mapping } = runtime.service;
    const compiled = (name: 'job_id' | 'keep' | 'state' | 'progress' | 'message' | 'error') => {
      const source = mapping[name];
      return source === undefined ? undefined : new Expression(source, `${service}.async.${name}`);
    };
    this.#target = target;
    this.#statusRequest = runtime.compile(mapping.status, 'async.status');
    this.cancelRequest = mapping.cancel && runtime.compile(mapping.cancel, 'async.cancel');
    this.resultRequest = mapping.result && runtime.compile(mapping.result, 'async.result');
    this.#expressions = {
      job_id: compiled('job_id'),
      keep: compiled('keep'),
      state: compiled('state'),
      progress: compiled('progress'),
      message: compiled('message'),
      error: compiled('error'),
    };
  }

  /** @throws ConnectorError `backend_error` when the answer to a submission names no job */
  async idOf(body: unknown, scope: Scope): Promise<string> {
    const id = await this.#expressions.job_id?.text(body, scope);
    if (id) return id;
    const shown = (JSON.stringify(body) ?? 'nothing').slice(0, 300);
    // Nobody knows what was submitted: to do it again might be to pay again.
    throw new ConnectorError(
      'backend_error',
      `The service took the job but named none where ${this.#target.runtime.service.async.job_id} should be: ${shown}`,
      { retryable: false },
    );
  }

  async kept(body: unknown, scope: Scope): Promise<unknown> {
    return this.#expressions.keep?.evaluate(body, scope);
  }

  /**
   * Asks the service how a job is.
   * @param scope with `id` and `kept`
   * @throws ConnectorError of the request; `backend_error` when the answer has no state that the file knows
   */
  async ask(scope: Scope, signal: AbortSignal | undefined): Promise<ServiceState> {
    const { runtime, answers } = this.#target;
    const request: HttpRequest = { ...(await this.#statusRequest(scope)), signal, ok_statuses: [404, 410] };
    const response = await runtime.send(request, scope);
    if (response.status === 404 || response.status === 410) {
      await response.discard();
      return { state: 'unknown', body: undefined, progress: undefined, message: undefined, error: undefined };
    }
    return this.read(await answers.read(response, scope), scope);
  }

  /** The state in an answer. */
  async read(body: unknown, scope: Scope): Promise<ServiceState> {
    const said = await this.said(body, scope);
    const { states } = this.#target.runtime.service.async;
    const state = said === undefined || !Object.hasOwn(states, said) ? undefined : states[said];
    if (state === undefined) {
      const what =
        said === undefined ? 'no state' : `the state "${said.slice(0, 100)}", which async.states does not name`;
      throw new HttpError(
        'backend_error',
        `The status answer has ${what}: ${(JSON.stringify(body) ?? '').slice(0, 300)}`,
        {
          delivery: 'answered',
        },
      );
    }
    const { progress, message, error } = this.#expressions;
    return {
      state,
      body,
      progress: await progress?.number(body, scope),
      message: (await message?.text(body, scope))?.slice(0, 500),
      error: state === 'failed' ? await error?.text(body, scope) : undefined,
    };
  }

  /** The state in the words of the service, where an answer has one. */
  async said(body: unknown, scope: Scope): Promise<string | undefined> {
    return this.#expressions.state?.text(body, scope);
  }
}
