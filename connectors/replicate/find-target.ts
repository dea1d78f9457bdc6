import { LRUCache } from 'lru-cache';
import { ConnectorError } from '../contract/connector-error.ts';
import type { DeploymentDocument, ModelDocument, VersionDocument } from './documents.ts';
import { inputSchemaOf, type InputSchema } from './input-schema.ts';
import type { ReplicateApi } from './replicate-api.ts';

/** Where predictions of a model or deployment are asked for. */
export interface Target {
  /** Without a version: what limits, prices and the operator's list know it by. */
  name: string;
  /** Of the submission. */
  path: string;
  /** Goes into the submission's body. */
  version?: string;
  schema?: InputSchema;
}

/** What a job names. */
export type Wish = { model: string } | { deployment: string };

const FRESH = 5 * 60_000;

/** The name that the operator's list of models is held against. */
export function nameOf(wish: Wish): string {
  return 'deployment' in wish ? wish.deployment : (wish.model.split(':')[0] as string);
}

/** Looks models and deployments up, so that a wrong name or input is found before anything is paid for. */
export class TargetFinder {
  readonly #api: ReplicateApi;
  readonly #known = new LRUCache<string, Target>({ max: 200, ttl: FRESH });

  constructor(api: ReplicateApi) {
    this.#api = api;
  }

  /** @throws ConnectorError `missing_model` when there is no such thing, or the token must not see it */
  async find(wish: Wish, signal: AbortSignal | undefined): Promise<Target> {
    if (!this.#api.settings.check_models) return unchecked(wish);
    const key = JSON.stringify(wish);
    const known = this.#known.get(key);
    if (known) return known;
    const found = await ('deployment' in wish ? this.#deployment(wish, signal) : this.#model(wish, signal));
    this.#known.set(key, found);
    return found;
  }

  async #deployment(wish: { deployment: string }, signal: AbortSignal | undefined): Promise<Target> {
    const { deployment } = wish;
    const path = `deployments/${deployment}`;
    const { current_release: release } = await this.#look<DeploymentDocument>(path, deployment, 'deployment', signal);
    const target = unchecked(wish);
    if (!release?.model || !release.version) return target;
    try {
      const described = `models/${release.model}/versions/${release.version}`;
      const version = await this.#look<VersionDocument>(described, deployment, 'deployment', signal);
      return { ...target, schema: inputSchemaOf(version) };
    } catch (error) {
      // A model of somebody else's that only its deployment may show: the prediction itself will tell.
      if (error instanceof ConnectorError && error.code === 'missing_model') return target;
      throw error;
    }
  }

  async #model(wish: { model: string }, signal: AbortSignal | undefined): Promise<Target> {
    const [name = '', version] = wish.model.split(':');
    // By the version alone nothing can be looked up.
    if (!name.includes('/')) return unchecked(wish);
    if (version !== undefined) {
      const path = `models/${name}/versions/${version}`;
      const document = await this.#look<VersionDocument>(path, wish.model, 'model', signal);
      return { ...unchecked(wish), schema: inputSchemaOf(document) };
    }
    const { is_official, latest_version: latest } = await this.#look<ModelDocument>(
      `models/${name}`,
      name,
      'model',
      signal,
    );
    const schema = inputSchemaOf(latest);
    // Only official models can be asked for without a version.
    if (is_official === true || !latest?.id) return { ...unchecked(wish), schema };
    return { name, path: 'predictions', version: latest.id, schema };
  }

  async #look<T>(
    path: string,
    what: string,
    field: 'model' | 'deployment',
    signal: AbortSignal | undefined,
  ): Promise<T> {
    try {
      return (await this.#api.read((client) => client.send<T>({ path }), { signal })).value;
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'not_found') throw error;
      const detail = `is no ${field} of ${this.#api.settings.host} that this token may see`;
      const hint = 'mend the name (owner/name), or use a token of its owner';
      throw new ConnectorError('missing_model', `"${what}" ${detail}; ${hint}`, {
        errors: [{ pointer: `/payload/${field}`, detail, hint }],
      });
    }
  }
}

function unchecked(wish: Wish): Target {
  const name = nameOf(wish);
  if ('deployment' in wish) return { name, path: `deployments/${name}/predictions` };
  const version = wish.model.includes(':') ? wish.model.split(':')[1] : undefined;
  if (version === undefined && name.includes('/')) return { name, path: `models/${name}/predictions` };
  return { name, path: 'predictions', version: version ?? name };
}
