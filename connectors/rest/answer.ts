import type { ArtifactRef } from '../../contract/artifact.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { HttpResponse } from '../http/http-response.ts';
import { streamToOutput } from '../http/stream-to-output.ts';
import { Expression, type Scope } from './expression.ts';
import type { Artifact } from './response.schema.ts';
import type { ServiceRuntime } from './service-runtime.ts';
import { addressIn, compileTemplate, type Template } from './template.ts';

/** What a job gives in the end. */
export interface JobAnswer {
  result: unknown;
  artifacts: ArtifactRef[];
}

interface CompiledArtifact {
  artifact: Artifact;
  each: Expression | undefined;
  name: Template;
}

/** The `response` of a service file: how an answer becomes a result and files. */
export class AnswerMapping {
  readonly #runtime: ServiceRuntime;
  readonly #result: Expression | undefined;
  readonly #artifacts: CompiledArtifact[];

  constructor(runtime: ServiceRuntime) {
    const { service, response } = runtime.service;
    this.#runtime = runtime;
    this.#result =
      response.result === undefined ? undefined : new Expression(response.result, `${service}.response.result`);
    this.#artifacts = response.artifacts.map((artifact, index) => {
      const where = `${service}.response.artifacts.${index}`;
      return {
        artifact,
        each: artifact.from === 'body' ? undefined : new Expression(artifact.each, `${where}.each`),
        name: compileTemplate(artifact.name, `${where}.name`, 'backend_error'),
      };
    });
  }

  /**
   * Reads an answer as the file says it is.
   * @throws ConnectorError by the service's error rules, or `backend_error` when it is not what it should be
   */
  async read(response: HttpResponse, scope: Scope): Promise<unknown> {
    const { as } = this.#runtime.service.response;
    const body: unknown = as === 'text' ? await response.text() : await response.json();
    const { status, headers } = response;
    const error = await this.#runtime.errors.find({ status, headers, body }, scope);
    if (error) throw error;
    return body;
  }

  /** From the answer to the end: result, and files in the store. */
  async collect(response: HttpResponse, scope: Scope, context: JobContext | undefined): Promise<JobAnswer> {
    if (this.#runtime.service.response.as !== 'binary') {
      return this.collectRead(await this.read(response, scope), scope, context);
    }
    const compiled = this.#artifacts.find(({ artifact }) => artifact.from === 'body') as CompiledArtifact;
    const facts = { status: response.status, headers: response.headers };
    const error = await this.#runtime.errors.find({ ...facts, body: undefined }, scope);
    if (error) {
      await response.discard();
      throw error;
    }
    const output = { name: await nameOf(compiled, { ...scope, ...facts, index: 0 }), mime: compiled.artifact.mime };
    const ref = await streamToOutput(response, storeOf(context), output);
    return { result: await this.#result?.evaluate(facts, scope), artifacts: [ref] };
  }

  /** {@link collect} for an answer that has been read. */
  async collectRead(body: unknown, scope: Scope, context: JobContext | undefined): Promise<JobAnswer> {
    const artifacts: ArtifactRef[] = [];
    for (const compiled of this.#artifacts) {
      const items = (await compiled.each?.list(body, scope)) ?? [];
      for (const [index, item] of items.entries()) {
        const name = await nameOf(compiled, { ...scope, answer: body, item, index });
        artifacts.push(await this.#store(compiled.artifact, item, name, scope, context));
      }
    }
    if (this.#result) return { result: await this.#result.evaluate(body, scope), artifacts };
    // Where there are files, the answer mostly consists of them.
    return { result: this.#artifacts.length > 0 ? undefined : body, artifacts };
  }

  async #store(
    artifact: Artifact,
    item: unknown,
    name: string,
    scope: Scope,
    context: JobContext | undefined,
  ): Promise<ArtifactRef> {
    const store = storeOf(context);
    if (typeof item !== 'string' || item === '') {
      throw new ConnectorError('backend_error', `The answer names no file where ${name} should be: ${shown(item)}`);
    }
    if (artifact.from === 'base64') {
      const content = Buffer.from(item.replace(/^data:[^,]*,/, ''), 'base64');
      if (content.length === 0)
        throw new ConnectorError('backend_error', `${name} is empty, or no base64: ${shown(item)}`);
      return store.writeOutput(content, { name, mime: artifact.mime });
    }
    const path = addressIn(item, this.#runtime.service.base_url, name);
    const request = { path, max_response_bytes: Infinity, signal: context?.signal };
    const useAuth = artifact.from !== 'url' || artifact.auth;
    const response = await this.#runtime.send(request, scope, { useAuth });
    return streamToOutput(response, store, { name, mime: artifact.mime });
  }
}

async function nameOf({ name, artifact }: CompiledArtifact, scope: Scope): Promise<string> {
  const value = await name(scope);
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw new ConnectorError('backend_error', `The name "${artifact.name}" of an output comes to nothing`);
}

function storeOf(context: JobContext | undefined): JobContext {
  if (context) return context;
  throw new ConnectorError('internal', 'Outputs need the context of an attempt', { retryable: false });
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 200);
}
