import { once } from 'node:events';
import { join } from 'node:path';
import type { Connection } from '@temporalio/client';
import { createParser } from 'eventsource-parser';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import { createApiServer, type ApiServer } from '../../api/create-api-server.ts';
import type { ApiDeps } from '../../api/deps.ts';
import type { JobEvent } from '../../contract/job-events.ts';
import type { JobView } from '../../contract/job-view.ts';
import { createFileArtifactStore } from '../../platform/artifacts/file-artifact-store.ts';
import { PresenceCache } from '../../platform/presence/presence-cache.ts';
import { createClient, unretriedConnection } from '../../platform/temporal/connection.ts';
import { InProcessStack } from '../harness/in-process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';

type StackOptions = Parameters<typeof InProcessStack.start>[0];

/** An API on a real socket before a real Temporal, orchestrator and pool workers. */
export class ApiFixture {
  readonly stack: InProcessStack;
  readonly url: string;
  readonly deps: ApiDeps;
  readonly artifacts: ApiDeps['artifacts'];
  readonly #server: ApiServer;
  readonly #connection: Connection;

  private constructor(stack: InProcessStack, deps: ApiDeps, server: ApiServer, connection: Connection, url: string) {
    this.stack = stack;
    this.deps = deps;
    this.artifacts = deps.artifacts;
    this.#server = server;
    this.#connection = connection;
    this.url = url;
  }

  static async start(
    options: StackOptions = {},
    config: Partial<ApiDeps['config']> = {},
    live?: ApiDeps['live'],
  ): Promise<ApiFixture> {
    return ApiFixture.before(await InProcessStack.start(options), config, live);
  }

  /** Another API before the same stack. */
  static async before(
    stack: InProcessStack,
    config: Partial<ApiDeps['config']> = {},
    live?: ApiDeps['live'],
  ): Promise<ApiFixture> {
    const connection = unretriedConnection({ ...stack.config, temporalAddress: stack.temporal.address });
    const client = createClient(connection, stack.temporal.namespace);
    const logger = pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' });
    const presence = new PresenceCache({
      workflowService: client.workflowService,
      namespace: stack.temporal.namespace,
      logger,
      refreshMs: 250,
    });
    presence.start();
    const deps: ApiDeps = {
      client,
      config: { ...stack.config, ...config },
      catalog: stack.catalog,
      presence,
      artifacts: createFileArtifactStore(join(stack.dataDir, 'artifacts')),
      logger,
      eagerStart: false,
      version: '0.0.0-test',
      live,
    };
    const server = createApiServer(deps);
    const url = await server.listen('127.0.0.1', 0);
    return new ApiFixture(stack, deps, server, connection, url);
  }

  /** The API alone. */
  async close(): Promise<void> {
    this.deps.presence.stop();
    await this.#server.close();
    await this.#connection.close();
  }

  async stop(): Promise<void> {
    await this.close();
    await this.stack.stop();
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`${this.url}${path}`, init);
  }

  async json<T = Record<string, unknown>>(path: string, init?: RequestInit): Promise<T> {
    return (await (await this.fetch(path, init)).json()) as T;
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(path, {
      method: 'POST',
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  /** Submits a job of the scripted service. */
  async submit(document: object = {}): Promise<JobView> {
    const response = await this.post('/api/jobs', { service: 'scripted', ...document });
    if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()) as JobView;
  }

  get(id: string): Promise<JobView> {
    return this.json<JobView>(`/api/jobs/${encodeURIComponent(id)}`);
  }

  untilStatus(id: string, status: JobView['status']): Promise<JobView> {
    return waitUntil(async () => {
      const job = await this.get(id);
      return job.status === status ? job : undefined;
    });
  }

  /** @param query of the address, e.g. `?live=none` */
  events(id: string, lastEventId?: string, query = ''): EventStream {
    return new EventStream(`${this.url}/api/jobs/${encodeURIComponent(id)}/events${query}`, lastEventId);
  }

  async socket(options: { origin?: string; path?: string } = {}): Promise<Socket> {
    const { path = '/api/ws', origin } = options;
    const socket = new WebSocket(`${this.url.replace('http', 'ws')}${path}`, origin ? { origin } : {});
    await once(socket, 'open');
    return new Socket(socket);
  }
}

/** A client of an event stream. */
export class EventStream {
  readonly events: JobEvent[] = [];
  readonly comments: string[] = [];
  readonly done: Promise<void>;
  readonly #abort = new AbortController();
  error: unknown;

  constructor(url: string, lastEventId?: string) {
    this.done = this.#read(url, lastEventId).catch((error: unknown) => {
      this.error = error;
    });
  }

  async #read(url: string, lastEventId?: string): Promise<void> {
    const response = await fetch(url, {
      headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
      signal: this.#abort.signal,
    });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        const value = JSON.parse(data) as JobEvent;
        if (value.id !== id || value.type !== event) throw new Error(`event ${id} ${event} holds ${data}`);
        this.events.push(value);
      },
      onComment: (comment) => this.comments.push(comment),
    });
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) parser.feed(decoder.decode(chunk, { stream: true }));
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.done;
  }

  /** The states told, e.g. `['queued 1', 'running 1']`. */
  states(): string[] {
    return this.events.flatMap((event) => (event.type === 'state' ? [`${event.status} ${event.attempt}`] : []));
  }

  until(check: (event: JobEvent) => boolean): Promise<JobEvent> {
    return waitUntil(() => this.events.find(check), undefined, 20);
  }
}

type Message = { type: string; [field: string]: unknown };

/** A client of the WebSocket. */
export class Socket {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];
  closed: { code: number; reason: string } | undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => this.messages.push(JSON.parse((data as Buffer).toString()) as Message));
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  until(check: (message: Message) => boolean): Promise<Message> {
    return waitUntil(() => this.messages.find(check), undefined, 20);
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }
}
