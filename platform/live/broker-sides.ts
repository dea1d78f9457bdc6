import { randomBytes } from 'node:crypto';
import type { Logger } from '../logging/logger.ts';
import type { Broker } from './broker.ts';
import { decodeFrame, encodeFrame } from './frame.ts';
import type { LiveLink, LivePeer } from './link.ts';
import type { LiveHub } from './live-hub.ts';
import type { LiveSource } from './live-source.ts';
import { openBroker } from './open-broker.ts';
import type { SourceLink } from './source-link.ts';

/** How often an API process says that it is there and what it wants. Milliseconds. */
const RENEW_MS = 5_000;
/** After this silence a worker forgets an API process, and what it wanted. Milliseconds. */
const FORGET_MS = 20_000;
/** What may be on its way to one API process. Bytes. */
const UNSENT = 1_048_576;

export interface BrokerEnd {
  close(): Promise<void>;
}

export interface BrokerOptions {
  url: string;
  /** Sites that share a broker are told apart by it. */
  namespace: string;
  logger: Logger;
}

/** Joins an API process to a broker: it publishes what it wants, and hears the answers on a subject of its own. */
export function joinHubToBroker(hub: LiveHub, options: BrokerOptions): BrokerEnd {
  const id = randomBytes(9).toString('hex');
  return whenOpen(options, async (broker) => {
    const prefix = prefixOf(options.namespace);
    const peer: LivePeer = {
      send: (message) => {
        broker.publish(`${prefix}.want`, encodeFrame({ from: id }, message)).catch(() => undefined);
      },
      ready: () => true,
    };
    // Listening before asking: the answers may come at once.
    const joined: { link?: LiveLink } = {};
    await broker.subscribe(`${prefix}.api.${id}`, (message) => joined.link?.receive(message));
    joined.link = hub.connect(peer);
    const timer = setInterval(() => hub.renew(peer), RENEW_MS);
    timer.unref();
    return () => {
      clearInterval(timer);
      joined.link?.close();
    };
  });
}

/** Joins a worker to a broker: each API process that asks gets a link of its own. */
export function joinSourceToBroker(source: LiveSource, options: BrokerOptions): BrokerEnd {
  return whenOpen(options, async (broker) => {
    const prefix = prefixOf(options.namespace);
    const links = new Map<string, { link: SourceLink; heardAt: number }>();
    const linkTo = (api: string) => {
      let known = links.get(api);
      if (!known) {
        known = { link: connectThrough(source, broker, `${prefix}.api.${api}`), heardAt: 0 };
        links.set(api, known);
      }
      known.heardAt = Date.now();
      return known.link;
    };
    await broker.subscribe(`${prefix}.want`, (message) => {
      const frame = decodeFrame(message);
      const from = (frame?.head as { from?: unknown } | undefined)?.from;
      if (frame && typeof from === 'string' && /^[0-9a-f]{18}$/.test(from)) linkTo(from).receive(frame.body);
    });
    const timer = setInterval(() => {
      const before = Date.now() - FORGET_MS;
      for (const [api, { link, heardAt }] of links) {
        link.forget(before);
        if (heardAt >= before) continue;
        link.close();
        links.delete(api);
      }
    }, RENEW_MS);
    timer.unref();
    return () => {
      clearInterval(timer);
      for (const { link } of links.values()) link.close();
    };
  });
}

function connectThrough(source: LiveSource, broker: Broker, subject: string): SourceLink {
  let unsent = 0;
  let full = false;
  const link: SourceLink = source.connect({
    get largest() {
      return broker.largest;
    },
    send: (message) => {
      unsent += message.length;
      // What is lost is asked for again.
      const settled = () => {
        unsent -= message.length;
        if (!full || unsent >= UNSENT) return;
        full = false;
        link.drained();
      };
      broker.publish(subject, message).then(settled, settled);
    },
    ready: () => {
      full = unsent >= UNSENT;
      return !full;
    },
  });
  return link;
}

/** Opens in the background: a broker that is away holds up nobody. */
function whenOpen(options: BrokerOptions, begin: (broker: Broker) => Promise<() => void>): BrokerEnd {
  const { url, logger } = options;
  let closed = false;
  let close = async () => {};
  const opening = openBroker(url, logger)
    .then(async (broker) => {
      close = () => broker.close();
      if (closed) return close();
      const stop = await begin(broker);
      close = async () => {
        stop();
        await broker.close();
      };
      if (closed) await close();
    })
    .catch((error: Error) => logger.warn({ why: error.message }, 'live channel: the broker cannot be used'));
  return {
    async close() {
      closed = true;
      await close();
      void opening;
    },
  };
}

/** A subject that NATS and Redis take, whatever the namespace is called. */
function prefixOf(namespace: string): string {
  return `switchyard.${namespace.replace(/[^A-Za-z0-9_-]/g, '_')}.live`;
}
