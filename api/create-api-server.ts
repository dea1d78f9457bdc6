import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ConfigError } from '../platform/config/config-error.ts';
import { MachineCache } from '../platform/machines/machine-cache.ts';
import { LivePools } from '../platform/pools/live-pools.ts';
import { readPools } from '../platform/pools/read-pools.ts';
import { poolQueues } from '../platform/pools/pool-queues.ts';
import { PoolChanger } from '../platform/pools/change-pool.ts';
import { HotSends } from '../platform/routing/hot-sends.ts';
import { QueueBacklogs } from '../platform/jobs/queue-backlog.ts';
import { JobReader } from '../platform/jobs/job-reader.ts';
import type { ApiContext } from './context.ts';
import { API_PREFIX, createApp } from './create-app.ts';
import type { ApiDeps } from './deps.ts';
import { RequestGuard } from './http/request-guard.ts';
import { answerUnparsedRequests } from './http/unparsed-requests.ts';
import { ApiMetrics } from './metrics.ts';
import { Slots } from './watch/watch-context.ts';
import { WatchHub } from './watch/watch-hub.ts';
import { backendIsAway } from './services/backend-away.ts';
import { LiveHub } from '../platform/live/live-hub.ts';
import { LiveDoor } from './ws/live-door.ts';
import { WsServer } from './ws/ws-server.ts';

export interface ApiServer {
  /**
   * @returns the address it answers on
   * @throws PortTakenError; the socket's error for an address that is not this machine's
   */
  listen(host: string, port: number): Promise<string>;
  /** Ends event streams and sockets, lets requests finish, and leaves nothing open. */
  close(): Promise<void>;
}

/** Who else has the port is for the caller to find out, and what to do about it. */
export class PortTakenError extends ConfigError {
  readonly port: number;
  constructor(host: string, port: number) {
    super('The API cannot listen', [
      {
        name: 'SWITCHYARD_PORT',
        problem: `${host}:${port} is taken by another program`,
        hint: 'stop it, or set another port; 0 picks a free one',
      },
    ]);
    this.port = port;
  }
}

/** Longest wait for one call to Temporal. Milliseconds. */
const TEMPORAL_TIMEOUT_MS = 5_000;
/** A client has this long to send the head of a request. Milliseconds. */
const HEADERS_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;
/** How long requests under way may take when the API stops. Milliseconds. */
const CLOSE_GRACE_MS = 5_000;
const MAX_SSE_STREAMS = 1_000;
const MAX_WAITS = 300;

export function createApiServer(deps: ApiDeps): ApiServer {
  const closing = new AbortController();
  // Without a token that somebody knows no worker gets in.
  const { hub: live, token } = deps.live ?? { hub: new LiveHub(), token: randomBytes(32).toString('hex') };
  const context = createContext(deps, live, closing.signal);
  const { config } = deps;
  const guard = new RequestGuard({ host: config.host, publicUrl: config.publicUrl });
  const http = createServer({
    ...{ maxHeaderSize: 32_768, connectionsCheckingInterval: 5_000 },
    // Its answer would be an empty one; the guard has a better.
    requireHostHeader: false,
  });
  http.on('request', createApp(context, guard));
  answerUnparsedRequests(http);
  http.headersTimeout = HEADERS_TIMEOUT_MS;
  // Uploads may take as long as they move: bodies have time-outs of their own.
  http.requestTimeout = 0;
  http.keepAliveTimeout = KEEP_ALIVE_MS;
  http.maxRequestsPerSocket = 0;
  const sockets = trackSockets(http);
  const ws = new WsServer(context, guard, new LiveDoor(live, token, deps.logger), http);
  return {
    async listen(host, port) {
      context.machines.start();
      if (!deps.pools) await context.pools.start();
      return listen(http, host, port);
    },
    async close() {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      closing.abort();
      context.hub.close();
      context.machines.stop();
      if (!deps.pools) context.pools.stop();
      await ws.close();
      http.closeIdleConnections();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, CLOSE_GRACE_MS);
      await closed;
      clearTimeout(timer);
      context.metrics.registry.clear();
    },
  };
}

function createContext({ live: _, ...deps }: ApiDeps, live: LiveHub, closing: AbortSignal): ApiContext {
  const { client, config, logger, presence } = deps;
  const pools = deps.pools ?? new LivePools({ client, pools: deps.catalog.pools, logger });
  const catalog = { ...deps.catalog, pools: pools.effective };
  presence.poolLimit = (pool) => pools.control(pool).limits.max_concurrent_jobs;
  const queues = (taskQueue: string) => {
    const hold = pools.holdOf(taskQueue);
    if (hold) return hold;
    const state = presence.queue(taskQueue);
    const served = state === 'free' || state === 'busy';
    return served && backendIsAway(taskQueue, presence.workers(), live.reports.list()) ? 'unwell' : state;
  };
  const poolChanger = new PoolChanger(client, pools, (pool) => poolQueues(catalog, presence.workers(), pool));
  const addresses = {
    apiUrl: `${config.publicUrl?.replace(/\/+$/, '') ?? ''}${API_PREFIX}`,
    temporalUiUrl: config.temporalUiUrl,
    namespace: config.temporalNamespace,
  };
  const timeoutMs = TEMPORAL_TIMEOUT_MS;
  const reader = new JobReader({ client, queues, addresses, timeoutMs });
  const backlogs = new QueueBacklogs(client, timeoutMs);
  const metrics = new ApiMetrics(
    () => hub.size,
    () => readPools({ catalog, pools, presence, backlogs }),
  );
  const hub = new WatchHub({
    ...{ client, reader, queues, logger },
    onLook: () => metrics.looks.inc(),
    onEnd: ({ service, status, error_code: code }) => metrics.ended.inc({ service, status, code: code ?? '' }),
  });
  const machines = new MachineCache({
    client,
    logger,
    queues: () => presence.workers().map((worker) => worker.task_queue),
  });
  return {
    ...deps,
    ...{ catalog, pools, poolChanger, backlogs },
    ...{ machines, addresses, reader, hub, live, metrics, queues, closing, timeoutMs },
    planning: {
      artifactRetention: config.artifactRetention,
      heartbeatTimeout: config.heartbeatTimeout,
      maxPayloadBytes: config.maxPayloadBytes,
      presence: queues,
      hotSends: new HotSends(),
    },
    waits: new Slots(MAX_WAITS),
    streams: new Slots(MAX_SSE_STREAMS),
  };
}

function listen(http: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new PortTakenError(host, port) : error);
    });
    http.listen(port, host, () => {
      http.removeAllListeners('error');
      const { port: bound } = http.address() as AddressInfo;
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${bound}`);
    });
  });
}

function trackSockets(http: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  http.on('connection', (socket: Socket) => {
    // Comes a second time when an upgrade is left aside.
    if (sockets.has(socket)) return;
    // Half-dead peers (a laptop that went to sleep) are found without waiting for something to send.
    socket.setKeepAlive(true, 30_000);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}
