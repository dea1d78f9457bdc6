import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { z } from 'zod';
import type { ApiContext } from './context.ts';
import { HttpProblem } from './http/http-problem.ts';
import { problemOf } from './http/problem-of.ts';
import { readQuery } from './http/read-query.ts';
import type { RequestGuard } from './http/request-guard.ts';
import { requestIdOf } from './http/request-id.ts';
import { setSecurityHeaders } from './http/security-headers.ts';
import { writeProblem } from './http/write-problem.ts';
import { buildDocument } from './openapi/build-document.ts';
import type { Route } from './route.ts';
import { docsRouter } from './routes/docs.ts';
import { getMetrics } from './routes/get-metrics.ts';
import { livez, readyz } from './routes/health.ts';
import { createRoutes } from './routes/routes.ts';

/** Prefix of everything but the probes. */
export const API_PREFIX = '/api';

/** The express application: no listening, no sockets, so that it can be mounted anywhere. */
export function createApp(api: ApiContext, guard: RequestGuard): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('strict routing');
  app.enable('case sensitive routing');
  app.set('query parser', false);
  app.use(begin(api, guard));
  const router = express.Router({ strict: true, caseSensitive: true });
  const routes = createRoutes(api);
  for (const route of routes) register(router, route);
  const document = JSON.stringify(buildDocument(routes, { version: api.version, server: api.addresses.apiUrl }));
  router.get('/openapi.json', (_req, res) => void res.type('application/json').send(document));
  router.use(docsRouter());
  for (const [path, methods] of methodsByPath(routes)) router.all(path, refuseMethod(methods));
  router.all('/ws', refusePlainHttp);
  app.use(API_PREFIX, router);
  app.get('/livez', livez);
  app.get('/readyz', readyz(api));
  app.get('/metrics', getMetrics(api.metrics));
  app.get('/', (_req, res) => {
    res.json({ name: 'switchyard', version: api.version, api: API_PREFIX, docs: `${API_PREFIX}/docs` });
  });
  for (const path of ['/', '/livez', '/readyz', '/metrics']) app.all(path, refuseMethod(READ));
  app.use((req: Request) => {
    throw new HttpProblem(
      'not_found',
      `There is nothing at ${req.method} ${req.path.slice(0, 200)}; see ${API_PREFIX}/docs`,
    );
  });
  app.use(answerProblem(api));
  return app;
}

/** What happens with every request before a route sees it. */
function begin(api: ApiContext, guard: RequestGuard) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const started = performance.now();
    const requestId = requestIdOf(req);
    res.locals['requestId'] = requestId;
    res.setHeader('X-Request-Id', requestId);
    setSecurityHeaders(res);
    res.once('close', () => {
      const route = String(res.locals['route'] ?? 'other');
      const seconds = (performance.now() - started) / 1_000;
      const status = String(res.headersSent ? res.statusCode : 499);
      if (!route.endsWith('/events')) api.metrics.requests.observe({ method: req.method, route, status }, seconds);
      api.logger.debug({ request_id: requestId, method: req.method, path: req.path, status, seconds }, 'request');
    });
    guard.checkHost(req);
    if (req.method !== 'GET' && req.method !== 'HEAD') guard.checkOrigin(req);
    next();
  };
}

const noQuery = z.strictObject({});

function register(router: express.Router, route: Route): void {
  const takesQuery = route.operation.parameters?.some((parameter) => parameter.in === 'query') ?? false;
  router[route.method](route.path, async (req: Request, res: Response) => {
    res.locals['route'] = API_PREFIX + route.path;
    if (!takesQuery) readQuery(req, noQuery);
    await route.handle(req, res);
  });
}

const READ = ['GET', 'HEAD'];

function methodsByPath(routes: Route[]): Map<string, string[]> {
  const found = new Map<string, string[]>(['/openapi.json', '/docs'].map((path) => [path, READ]));
  for (const { path, method } of routes) {
    const methods = method === 'get' ? READ : [method.toUpperCase()];
    found.set(path, [...(found.get(path) ?? []), ...methods]);
  }
  return found;
}

function refuseMethod(methods: string[]) {
  const allow = methods.join(', ');
  return (req: Request): void => {
    throw new HttpProblem('method_not_allowed', `${req.method} is not taken here; use ${allow}`, {
      headers: { Allow: allow },
    });
  };
}

function refusePlainHttp(): never {
  throw new HttpProblem('malformed', 'This address takes WebSockets only; connect to it with ws:// or wss://', {
    status: 426,
    headers: { Upgrade: 'websocket', Connection: 'Upgrade' },
  });
}

function answerProblem(api: ApiContext) {
  // Express knows an error handler by its four parameters.
  return (error: unknown, req: Request, res: Response, _next: NextFunction): void => {
    const requestId = String(res.locals['requestId'] ?? '');
    const problem = isBadPath(error) ? new HttpProblem('malformed', 'The path holds a bad escape') : problemOf(error);
    if (problem.code === 'internal') {
      api.logger.error({ err: error, request_id: requestId, method: req.method, path: req.path }, 'request failed');
    }
    api.metrics.refused.inc({ code: problem.code });
    writeProblem(res, problem, requestId);
  };
}

/** The router's own error for a path such as `/%ZZ`. */
function isBadPath(error: unknown): boolean {
  return error instanceof URIError;
}
