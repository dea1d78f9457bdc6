import type { RawData, WebSocket } from 'ws';
import { parseEventId } from '../../contract/job-events.ts';
import { splitEventId } from '../../contract/live-events.ts';
import type { ErrorCode, FieldError } from '../../contract/errors.ts';
import type { MachineCache } from '../../platform/machines/machine-cache.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { fieldErrorsOf } from '../../platform/routing/field-errors.ts';
import { checkShape } from '../../platform/routing/check-shape.ts';
import { findJsonMistake } from '../http/find-json-mistake.ts';
import { problemOf } from '../http/problem-of.ts';
import type { LiveHub } from '../../platform/live/live-hub.ts';
import type { LiveEventSink } from '../watch/event-sink.ts';
import { LiveBudget } from '../watch/live-budget.ts';
import { LiveJobSink } from '../watch/live-job-sink.ts';
import type { Subscription, WatchHub } from '../watch/watch-hub.ts';
import { MachineSubscriptions } from './machine-subscriptions.ts';
import {
  clientMessageSchema,
  type ClientMessage,
  machineMessageSchema,
  MAX_SUBSCRIPTIONS,
  type MachineMessage,
} from './messages.schema.ts';
import { closeSlow, WsSink } from './ws-sink.ts';

/** Over this much unread, answers to a client that sends and does not read end the connection. Bytes. */
const MAX_UNREAD = 4 * 1_024 * 1_024;
/** Messages that make no sense, before the connection is closed. */
const MAX_MISTAKES = 20;
/** Policy violation (RFC 6455). */
const CLOSE_POLICY = 1008;

/** One subscription of the connection, from the asking on. */
interface Member {
  /** Ended, unsubscribed or hung up: nothing more is sent, also when it is still being made. */
  over: boolean;
  /** Absent while it is being made. */
  made?: Subscription;
}

interface Mistake {
  code: ErrorCode;
  message: string;
  errors?: FieldError[];
  job_id?: string;
}

/** Serves a socket until it closes. */
export function serveSocket(socket: WebSocket, feeds: WsFeeds, logger: Logger): void {
  new WsConnection(socket, feeds, logger).listen();
}

/** What a client can subscribe to. */
export interface WsFeeds {
  hub: WatchHub;
  live: LiveHub;
  machines: MachineCache;
}

/** One client on a WebSocket: any number of jobs, told apart by the `job_id` (or `job.id`) of each event. */
class WsConnection {
  readonly #socket: WebSocket;
  readonly #hub: WatchHub;
  readonly #live: LiveHub;
  readonly #machines: MachineSubscriptions;
  readonly #logger: Logger;
  readonly #budget = new LiveBudget();
  readonly #subscriptions = new Map<string, Member>();
  #mistakes = 0;

  constructor(socket: WebSocket, { hub, live, machines }: WsFeeds, logger: Logger) {
    this.#socket = socket;
    this.#hub = hub;
    this.#live = live;
    this.#logger = logger;
    this.#machines = new MachineSubscriptions(machines, {
      send: (event) => this.#send(event),
      backlog: () => socket.bufferedAmount,
    });
  }

  listen(): void {
    const socket = this.#socket;
    socket.on('message', (data, isBinary) => void this.#onMessage(data, isBinary));
    socket.on('close', () => this.#endAll());
    // Told by `close` as well; without a listener it would end the process.
    socket.on('error', (error) => this.#logger.debug({ err: error }, 'websocket'));
  }

  async #onMessage(data: RawData, isBinary: boolean): Promise<void> {
    const message = this.#read(data, isBinary);
    if (!message) return;
    const { ref } = message;
    if ('machines' in message) {
      this.#send({ type: `${message.type}d`, machines: message.machines, ref });
      this.#machines[message.type](message.machines);
      return;
    }
    switch (message.type) {
      case 'ping':
        this.#send({ type: 'pong', ref });
        break;
      case 'unsubscribe':
        this.#unsubscribe(message.job_id);
        this.#send({ type: 'unsubscribed', job_id: message.job_id, ref });
        break;
      case 'subscribe':
        await this.#subscribe(message);
        break;
      default:
        message satisfies never;
    }
  }

  async #subscribe(asked: Extract<ClientMessage, { type: 'subscribe' }>) {
    const { job_id: jobId, last_event_id: last, live, pictures, ref } = asked;
    if (this.#subscriptions.has(jobId)) {
      const message = `This connection is subscribed to ${jobId} already`;
      this.#send(errorMessage({ code: 'conflict', message, job_id: jobId }, ref));
      return;
    }
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) {
      const message = `One connection takes ${MAX_SUBSCRIPTIONS} jobs at a time; unsubscribe from some or open another`;
      this.#send(errorMessage({ code: 'rate_limited', message, job_id: jobId }, ref));
      return;
    }
    const member: Member = { over: false };
    this.#subscriptions.set(jobId, member);
    // The snapshot comes from within subscribe(), and must not come before this.
    let told = false;
    const tell = () => {
      if (!told) this.#send({ type: 'subscribed', job_id: jobId, ref });
      told = true;
    };
    const socket = new WsSink(this.#socket, { budget: this.#budget, pictures }, () => this.#drop(jobId, member));
    const announced: LiveEventSink = {
      budget: this.#budget,
      send: (event) => {
        if (member.over) return;
        tell();
        socket.send(event);
      },
      sendLive: (event, picture) => {
        if (!member.over) socket.sendLive(event, picture);
      },
      backlog: () => socket.backlog(),
      close: (reason) => socket.close(reason),
    };
    const { eventId, cursor } = splitEventId(last ?? '');
    const sink = new LiveJobSink(announced, this.#live, jobId, live, cursor);
    try {
      const watching = await this.#hub.subscribe(jobId, sink, parseEventId(eventId));
      const subscription = watching && {
        end: () => {
          sink.stop();
          watching.end();
        },
      };
      if (!subscription) {
        const missing = {
          code: 'not_found' as const,
          message: `There is no job ${JSON.stringify(jobId)}`,
          job_id: jobId,
        };
        if (!member.over) this.#send(errorMessage(missing, ref));
        this.#drop(jobId, member);
      } else if (member.over) subscription.end();
      else member.made = subscription;
    } catch (error) {
      const { code, message } = problemOf(error);
      if (code === 'internal') this.#logger.error({ err: error, job_id: jobId }, 'subscribing');
      if (!member.over) this.#send(errorMessage({ code, message, job_id: jobId }, ref));
      this.#drop(jobId, member);
    }
  }

  /** Forgets a subscription; another one of the same job may have begun meanwhile. */
  #drop(jobId: string, member: Member): void {
    member.over = true;
    if (this.#subscriptions.get(jobId) === member) this.#subscriptions.delete(jobId);
  }

  #unsubscribe(jobId: string): void {
    const member = this.#subscriptions.get(jobId);
    if (!member) return;
    this.#drop(jobId, member);
    member.made?.end();
  }

  #endAll(): void {
    this.#machines.end();
    for (const jobId of this.#subscriptions.keys()) this.#unsubscribe(jobId);
  }

  #read(data: RawData, isBinary: boolean): ClientMessage | MachineMessage | undefined {
    if (isBinary) return this.#refuse({ code: 'unsupported_media', message: 'Messages are JSON text, not binary' });
    const text = (data as Buffer).toString('utf8');
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      const mistake = findJsonMistake(text);
      const where = mistake ? `: ${mistake.what} (position ${mistake.offset})` : '';
      return this.#refuse({ code: 'malformed', message: `The message is not JSON${where}` });
    }
    const ref = refOf(value);
    const shape = checkShape(value);
    if (shape) return this.#refuse({ code: 'validation', message: shape.detail, errors: [shape] }, ref);
    const schema = isAboutMachines(value) ? machineMessageSchema : clientMessageSchema;
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const errors = fieldErrorsOf(parsed.error);
    const message = errors.map((error) => `${error.pointer || 'the message'} ${error.detail}`).join('; ');
    return this.#refuse({ code: 'validation', message: `${message}. ${EXPECTED}`, errors }, ref);
  }

  #refuse(mistake: Mistake, ref?: string | number): undefined {
    this.#send(errorMessage(mistake, ref));
    if (++this.#mistakes >= MAX_MISTAKES) this.#socket.close(CLOSE_POLICY, 'too many messages made no sense');
    return undefined;
  }

  #send(message: object): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > MAX_UNREAD + this.#budget.bytes) closeSlow(this.#socket);
    else this.#socket.send(JSON.stringify(message));
  }
}

const EXPECTED =
  'Send {"type": "subscribe", "job_id": "…"}, {"type": "unsubscribe", "job_id": "…"}, the same with "machines": true, or {"type": "ping"}';

function isAboutMachines(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'machines' in value;
}

function errorMessage({ code, message, errors, job_id }: Mistake, ref: string | number | undefined) {
  return { type: 'error', code, message, job_id, errors, ref };
}

function refOf(value: unknown): string | number | undefined {
  const ref = (value as { ref?: unknown } | null)?.ref;
  return typeof ref === 'number' || (typeof ref === 'string' && ref.length <= 100) ? ref : undefined;
}
